"""Commands do by hand what rules do, and say in one line what a user must know."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from nuweave.cli import app
from nuweave.store import ShardReader
from tests import mock


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Two files of six events each."""
    return [mock.write_shard(tmp_path / f"{number}.h5", seed=number, run=number) for number in range(2)]


def spoil(shard: Path) -> None:
    """Event 1 gets a value that is not finite."""
    with h5py.File(shard, "r+") as file:
        voxels = file["Data/sparse2d_image_group/voxels"]
        rows = voxels[:]
        rows["value"][130] = np.nan
        voxels[:] = rows


def test_repack_shuffles_by_the_seed_or_keeps_the_order(tmp_path: Path, shards: list[Path]) -> None:
    orders = {}
    for name, options in (("a", []), ("b", ["--seed", "0"]), ("c", ["--seed", "1"]), ("d", ["--keep-order"])):
        done = run("repack", *shards, "--out", tmp_path / f"{name}.h5", *options)
        assert (done.exit_code, done.stdout) == (0, f"{tmp_path / name}.h5: 12 events of 2 files\n")
        with ShardReader(tmp_path / f"{name}.h5") as reader:
            orders[name] = [(event.run, event.event) for event in map(reader.event_id, range(12))]
    assert orders["a"] == orders["b"] != orders["c"]
    assert orders["d"] == [(run, event) for run in range(2) for event in range(6)] == sorted(orders["a"])


@pytest.mark.parametrize(("layout", "way"), [("contiguous", "mapped"), ("archive", "inflated")])
def test_repack_makes_both_layouts(tmp_path: Path, shards: list[Path], layout: str, way: str) -> None:
    assert run("repack", *shards, "--out", tmp_path / "out.h5", "--layout", layout).exit_code == 0
    with ShardReader(tmp_path / "out.h5") as reader:
        assert reader.product("sparse2d_image").layout.way == way


def test_check_says_what_a_right_file_holds(tmp_path: Path, shards: list[Path]) -> None:
    run("repack", shards[0], "--out", tmp_path / "out.h5")
    done = run("check", shards[0], tmp_path / "out.h5")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{shards[0]}: is right: 6 events, 9 products, 1458 voxels, checksums none",
        f"{tmp_path}/out.h5: is right: 6 events, 9 products, 1458 voxels, checksums verified",
    ]
    assert run("check", shards[0], "--json").stdout == "[]\n"


def test_check_fails_with_a_line_a_fault(tmp_path: Path, shards: list[Path]) -> None:
    spoil(shards[0])
    done = run("check", shards[0], tmp_path / "none.h5", shards[1])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{shards[0]}: sparse2d_image, event 1: a value is not finite; "
        "the file is damaged or half written: write or copy it again",
        f"{tmp_path}/none.h5: no such file; check the path",
        f"{shards[1]}: is right: 6 events, 9 products, 1458 voxels, checksums none",
    ]


def test_check_gives_faults_as_json(shards: list[Path]) -> None:
    spoil(shards[0])
    done = run("check", *shards, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == [
        {
            "file": str(shards[0]),
            "product": "sparse2d_image",
            "event": 1,
            "what": "a value is not finite",
            "remedy": "the file is damaged or half written: write or copy it again",
        }
    ]


def test_a_list_stands_for_the_files_that_it_names(shards: list[Path], tmp_path: Path) -> None:
    names = tmp_path / "shards.txt"
    names.write_text("".join(f"{shard}\n" for shard in shards[1:]))
    done = run("repack", shards[0], f"@{names}", "--out", tmp_path / "all.h5")
    assert done.stdout == f"{tmp_path}/all.h5: 12 events of 2 files\n"


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path, shards: list[Path]) -> None:
    assert "/none.txt: no such file; name one file a line" in str(run("check", f"@{tmp_path}/none.txt").exception)
    assert "0.h5: is no list of files (" in str(run("check", f"@{shards[0]}").exception)


def test_check_knows_the_number_of_classes(shards: list[Path]) -> None:
    assert run("check", shards[0], "--classes", "3").exit_code == 0
    done = run("check", shards[0], "--classes", "2")
    assert done.exit_code == 1
    assert done.stdout.count("sparse2d_label") == len(done.stdout.splitlines()) == 6


def test_data_quality_prints_its_checks_and_writes_what_the_report_reads(tmp_path: Path) -> None:
    shards = mock.write_shards(tmp_path, 2, num_events=3)  # all numu have one energy and one vertex, and all nue
    run("catalog", *shards, "--out", tmp_path / "catalog.parquet")
    run("repack", *shards, "--out", tmp_path / "all.h5")
    files = ("--catalog", tmp_path / "catalog.parquet", "--out", tmp_path / "data.json")
    done = run("data-quality", tmp_path / "all.h5", *files)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[3:] == [
        "leak: neutrinos in two parts: not measured: nothing was split",
        "duplicates: events with another's image: 0 (at most 0)",
        "duplicates: events with another's neutrino: 4 (at most 0) (0, 0, 2), (1, 0, 0), (1, 0, 1), ...",
        "packed files: events that are packed twice: 0 (at most 0)",
        "packed files: all: events too many or missing: 0 (at most 0)",
    ]
    assert json.loads((tmp_path / "data.json").read_text())["parts"] == {"all": 6}


@pytest.mark.parametrize("by", ["option", "environment"])
def test_ranks_that_were_started_count_before_train_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("seed: 3\n")  # the demo: batches of 4
    places = ("--train", "t.h5", "--val", "v.h5", "--model-dir", tmp_path / "m", "--run-dir", tmp_path / "r")
    if by == "environment":
        monkeypatch.setenv("NUWEAVE_RANKS", "3")
    option = ("--ranks", "3") if by == "option" else ()
    done = run("train", "--config", config, "--model", "cosmic_tagger", *places, *option)
    assert str(done.exception) == (
        "--ranks 3 (environment: NUWEAVE_RANKS): global_batch=4 must divide by ranks=3; try 3"
    )
    assert not (tmp_path / "r").exists()
