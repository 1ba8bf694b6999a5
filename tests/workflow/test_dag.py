"""The DAG runs from simulation to report; afterwards exactly what depends on a change runs again."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pandas as pd
import pytest

from nuweave.store import ShardReader, sums_path
from nuweave.store.check import check_file
from tests import mock
from tests.workflow.conftest import Snakemake

pytestmark = pytest.mark.workflow


def planned(output: str) -> dict[str, int]:
    """The jobs that a dry run announces: rule -> number."""
    table = re.search(r"^-+ +-+\n((?:\w+ +\d+\n)+)", output, re.MULTILINE)
    return (
        {}
        if table is None
        else {rule: int(n) for rule, n in re.findall(r"(\w+) +(\d+)\n", table[1]) if rule != "total"}
    )


def test_the_run_ends_in_a_report_with_every_file_in_place(small: Path) -> None:
    for name in ("catalog.parquet", "splits.parquet", "split.json", "packed/test.h5", "report/index.html"):
        assert (small / name).stat().st_size > 0
    checks = json.loads((small / "data_quality.json").read_text())["checks"]
    assert [row["held"] for row in checks] == [True] * 10
    assert json.loads((small / "shift/train_test.json").read_text())["num_events"] == [12, 6]
    for part in ("train", "val", "test"):
        assert sums_path(small / f"packed/{part}.h5").is_file()
    for model in ("cosmic_tagger", "event_id"):
        for name in ("model.safetensors", "metrics.jsonl", "predictions.parquet", "displays.parquet", "metrics.json"):
            assert (small / "models" / model / name).stat().st_size > 0
        assert json.loads((small / "models" / model / "overfit.json").read_text())["passed"] is True
    catalog = pd.read_parquet(small / "catalog.parquet")
    assert len(catalog) == 24
    splits = pd.read_parquet(small / "splits.parquet")
    assert splits["part"].value_counts().to_dict() == {"train": 12, "val": 6, "test": 6}
    assert len(pd.read_parquet(small / "models/event_id/predictions.parquet")) == 6
    assert not list(small.rglob("*.part"))


def test_nothing_is_planned_after_a_run(small: Path, snakemake: Snakemake) -> None:
    assert small.exists()
    output = snakemake("-n").stdout
    assert planned(output) == {}
    assert "Nothing to be done" in output


def test_touching_one_raw_file_plans_its_own_downstream_jobs_only(small: Path, snakemake: Snakemake) -> None:
    raw = small / "raw" / "002.h5"
    before = raw.stat()
    os.utime(raw)
    try:
        output = snakemake("-n").stdout
    finally:
        os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert planned(output) == {
        "all": 1,
        "convert": 1,
        "list_shards": 1,
        "catalog": 1,
        "split": 1,
        "pack": 3,
        "data_quality": 1,
        "shift": 1,
        "overfit": 2,
        "train": 2,
        "evaluate": 2,
        "report": 1,
    }
    assert re.findall(r"--run (\d+)", output) == ["2"]


def test_deleting_a_trained_model_replans_train_evaluate_report(small: Path, snakemake: Snakemake) -> None:
    weights = small / "models" / "event_id" / "model.safetensors"
    aside = weights.rename(weights.with_suffix(".aside"))
    try:
        output = snakemake("-n").stdout
    finally:
        aside.rename(weights)
    assert planned(output) == {"all": 1, "train": 1, "evaluate": 1, "report": 1}


def test_a_job_that_ends_too_soon_is_started_again_and_goes_on(small: Path, snakemake: Snakemake) -> None:
    """Each start makes one step and leaves with status 85; the second is the last, and the model is the same."""
    model, run = small / "models" / "event_id", small / "runs" / "event_id"
    weights = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").unlink()
    run.rename(run.with_name("whole"))
    done = snakemake("--retries", "1", "--until", "train", NUWEAVE_END_TIME=str(int(time.time())))
    assert set(re.findall(r"saved after step (\d)", done.stdout)) == {"1"}
    assert set(re.findall(r"--attempt (\d)", done.stdout)) == {"1", "2"}
    assert (model / "model.safetensors").read_bytes() == weights
    snakemake()


def test_a_changed_setting_reruns_what_depends_on_it(small: Path, snakemake: Snakemake) -> None:
    assert small.exists()
    assert planned(snakemake("-n", "--config", "report={title: other}").stdout) == {"all": 1, "report": 1}
    # put the resolved configuration back: it is written when the workflow is read
    assert planned(snakemake("-n").stdout) == {}


@pytest.mark.parametrize("stage", ["simulate", "convert", "split", "data_quality", "train", "evaluate", "report"])
def test_a_run_goes_up_to_any_stage(small: Path, snakemake: Snakemake, stage: str) -> None:
    assert small.exists()
    assert "Nothing to be done" in snakemake("-n", "--until", stage).stdout


@pytest.mark.parametrize(
    ("option", "stage", "jobs"),
    [
        ("-R", "train", {"train": 2, "evaluate": 2, "report": 1, "all": 1}),
        ("--forcerun", "evaluate", {"evaluate": 2, "report": 1, "all": 1}),
    ],
)
def test_a_stage_that_is_forced_runs_again_with_what_depends_on_it(
    small: Path, snakemake: Snakemake, option: str, stage: str, jobs: dict[str, int]
) -> None:
    assert small.exists()
    assert planned(snakemake("-n", option, stage).stdout) == jobs


def test_a_forced_stage_and_nothing_after_it(small: Path, snakemake: Snakemake) -> None:
    assert small.exists()
    assert planned(snakemake("-n", "-R", "split", "--until", "split").stdout) == {"split": 1}


def test_shards_are_archived_on_request(small: Path, snakemake: Snakemake) -> None:
    snakemake("archive")
    for number in range(4):
        shard, archive = (small / folder / f"{number:03d}.h5" for folder in ("shards", "archive"))
        assert list(check_file(archive)) == []
        assert archive.stat().st_size < shard.stat().st_size
        with ShardReader(shard) as one, ShardReader(archive) as other:
            assert one.event_ids.tolist() == other.event_ids.tolist()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("typo=1", "config: typo: unknown key"),
        ("convert={downsample: 3}", "must be a power of two; try 2"),
        ("detector=sbnb", "config: detector='sbnb': Input should be 'sbnd', 'cube', 'dune_nd', 'dune_nd_2d' or 'nova'"),
        (
            'models={"cosmic_tagger": {"network": {"layout": "dense", "depth": 6}}}',
            "config: models.cosmic_tagger.network.depth=6: halves whole images of 256 x 160 sites 6 times, so each",
        ),
        ("data_dir=nowhere", r"data_dir=nowhere: no file matches convert.pattern=*.h5"),
        ("report={reference: nowhere.h5}", "config: report.reference=nowhere.h5: no such file; write it first"),
    ],
)
def test_a_wrong_configuration_ends_before_the_dag(snakemake: Snakemake, setting: str, message: str) -> None:
    done = snakemake("-n", "--config", setting, check=False)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert "Building DAG" not in done.stdout


def test_real_sbnd_events_end_in_a_report(small: Path, snakemake: Snakemake, shared_data: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "sbnd.yaml"
    overlay.write_text(
        f"name: sbnd\nconvert: {{adapter: larcv3, downsample: 8}}\ndata_dir: {shared_data / 'larcv3'}\n"
        f"report: {{reference: {small}/packed/test.h5}}\nmodels:\n"
        + "".join(f"  {name}: {{weights: {small}/models/{name}}}\n" for name in ("cosmic_tagger", "event_id"))
    )
    snakemake(configfile=str(overlay))
    root = small.parent / "sbnd"
    predictions = pd.read_parquet(root / "models/cosmic_tagger/predictions.parquet")
    assert predictions["nu_energy_gev"].round(2).tolist() == [1.39, 1.0]
    assert json.loads((root / "data_quality.json").read_text())["parts"] == {"all": 2}
    shift = json.loads((root / "shift/reference.json").read_text())
    assert (shift["num_events"], shift["auc"]) == ([2, 6], None)
    assert (root / "report" / "index.html").stat().st_size > 10_000


def test_snakemake_makes_its_own_report(small: Path, snakemake: Snakemake) -> None:
    snakemake("--report", "report.zip")
    assert (small.parents[1] / "report.zip").stat().st_size > 10_000


def test_a_truncated_input_ends_in_one_line_and_leaves_nothing(snakemake: Snakemake, tmp_path: Path) -> None:
    whole = mock.write_shard(tmp_path / "whole.h5").read_bytes()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cut.h5").write_bytes(whole[: len(whole) // 2])
    overlay = tmp_path / "cut.yaml"
    overlay.write_text(f"name: cut\nconvert: {{adapter: larcv3}}\ndata_dir: {tmp_path / 'data'}\n")
    done = snakemake("--until", "convert", configfile=str(overlay), check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout, done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("nuweave: ")]
    assert lines == [
        f"nuweave: {tmp_path}/data/cut.h5: is truncated, {len(whole) // 2} bytes found; write or copy it again"
    ]
    root: Path = snakemake.directory / "results" / "cut"  # type: ignore[attr-defined]
    assert list((root / "shards").glob("*")) == []
