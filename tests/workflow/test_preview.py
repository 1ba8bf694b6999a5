"""`nuweave submit-preview`: what would be submitted comes from Snakemake's own executor, and nothing changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clone import link_clone

pytestmark = pytest.mark.cluster
TRAIN = (
    "nuweave train --config results/demo/config.yaml --model event_id --train results/demo/packed/train.h5 "
    "--val results/demo/packed/val.h5 --model-dir results/demo/models/event_id --run-dir results/demo/runs/event_id "
    "--attempt 1"
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a start."""
    return link_clone(tmp_path_factory.mktemp("preview"))


def preview(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["nuweave", "submit-preview", *arguments],
        cwd=directory,
        env=os.environ | {"PATH": path, "NUWEAVE_ACCOUNT": "nu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def parts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Heading -> text."""
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        if line in ("# submission", "# job script", "# command", "# ranks"):
            heading = line[2:]
            found[heading] = ""
        else:
            found[heading] += f"{line}\n"
    return {heading: text.strip() for heading, text in found.items()}


@pytest.mark.parametrize(
    ("profile", "submission", "ranks"),
    [
        (
            "polaris",
            "qsub -A nu -q capacity -l select=1:system=polaris -l place=scatter -l walltime=01:30:00 "
            "-l filesystems=home:eagle -N nw-train ",
            "mpiexec -n 2 --ppn 2 --depth=16 --cpu-bind=depth --envall --hostfile $PBS_NODEFILE ",
        ),
        (
            "aurora",
            "qsub -A nu -q capacity -l select=1:system=aurora -l place=scatter -l walltime=01:30:00 "
            "-l filesystems=home:flare -N nw-train ",
            "mpiexec -n 2 --ppn 2 --cpu-bind=list:4-7:8-11 --envall --hostfile $PBS_NODEFILE ",
        ),
        (
            "perlmutter",
            "-A nu -t 90 -C gpu --qos=regular --nodes=1 --ntasks-per-node=2 --cpus-per-task=64 --gpus-per-node=2 ",
            "srun --nodes=1 --ntasks=2 --ntasks-per-node=2 --cpus-per-task=64 --gpus-per-node=2 --cpu-bind=cores "
            "--kill-on-bad-exit=1 ",
        ),
    ],
)
def test_a_training_shows_its_submission_and_how_its_ranks_start(
    directory: Path, profile: str, submission: str, ranks: str
) -> None:
    found = parts(
        preview(directory, "train", "model=event_id", "--profile", profile, "--config", "cluster={minutes: 90}")
    )
    assert submission in found["submission"]
    assert found["ranks"] == ranks + TRAIN
    assert "--target-jobs 'train:model=event_id'" in found["job script"]
    assert found["command"].startswith(f"nuweave launch --site {profile} --nodes 1 --ranks-per-node 2 ")
    if profile != "perlmutter":
        assert "export NUWEAVE_END_TIME=" in found["job script"]


def test_files_are_converted_in_one_job_for_many(directory: Path) -> None:
    found = parts(preview(directory, "convert", "source=003"))
    assert "-N nw-files " in found["submission"]
    assert found["job script"].count("'convert:source=") == 16
    assert found["command"].startswith("nuweave convert results/demo/raw/003.h5 results/demo/shards/003.h5 ")
    assert "ranks" not in found


def test_a_step_on_a_shared_node_shows_its_share(directory: Path) -> None:
    found = parts(preview(directory, "evaluate", "--profile", "perlmutter"))
    assert "-t 60 -C gpu --qos=shared --ntasks=1 --cpus-per-task=32 --gpus-per-node=1 " in found["submission"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report",), "report: runs where snakemake runs, nothing is submitted"),
        (("train", "model=unet"), "train: no such job in this run: {'model': 'unet'}"),
        (("train", "unet"), "unet: is no NAME=VALUE; name a job of train as model=cosmic_tagger"),
        (("train", "--profile", "local"), "profile local: nothing is submitted there"),
        (("train", "--config", "cluster={queue: gpu}"), "train cosmic_tagger: polaris has no queue gpu"),
    ],
)
def test_what_has_no_job_says_so_in_one_line(directory: Path, arguments: tuple[str, ...], words: str) -> None:
    done = preview(directory, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"nuweave: {words}")
    assert done.stderr.count("\n") == 1


def test_no_file_of_the_run_has_appeared(directory: Path) -> None:
    assert not list((directory / "results/demo").rglob("*.h5"))
    assert not list(directory.glob(".snakemake/locks/*"))
    assert not list(directory.glob(".snakemake/tmp.*"))
    assert not list(directory.glob(".snakemake/incomplete/*"))


@pytest.mark.parametrize("profile", ["polaris", "perlmutter"])
def test_a_finished_training_stays_finished(tmp_path: Path, profile: str) -> None:
    clone = link_clone(tmp_path)
    model = clone / "results/demo/models/event_id"
    model.mkdir(parents=True)
    for name in ("model.safetensors", "model.json", "metrics.jsonl"):
        (model / name).write_text(name)
    parts(preview(clone, "train", "model=event_id", "--profile", profile))
    assert not list(clone.glob(".snakemake/incomplete/*"))
    assert {file.name: file.read_text() for file in model.iterdir()} == {
        file.name: file.name for file in model.iterdir()
    }
