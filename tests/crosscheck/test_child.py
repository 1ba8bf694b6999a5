"""However larcv ends, it is told in one line. A shell script stands in for larcv here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nuweave.config import UserError
from nuweave.crosscheck import Content, check, child, read_content, roundtrip
from nuweave.store import ShardReader
from tests.mock import write_shard

StandIn = Callable[[str], None]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "shard.h5", num_events=2)


def dump(content: Content, out: Path) -> Path:
    """A content as program.py leaves it."""
    np.savez(out, allow_pickle=False, **content)
    return out


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `nuweave larcv-check`."""
    return subprocess.run(
        [sys.executable, "-m", "nuweave.cli", "larcv-check", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("echo 'sparse2d_image 1' >&2; kill -SEGV $$", "sparse2d_image, event 1: larcv dies of SIGSEGV"),
        ("echo 'ModuleNotFoundError: no larcv' >&2; exit 1", "larcv stops: ModuleNotFoundError: no larcv"),
        ("exit 3", "larcv stops: without a word"),
        ("echo 'particle_truth 0' >&2; exec sleep 60", "particle_truth, event 0: larcv gives no answer in time"),
    ],
)
def test_however_larcv_ends_is_one_difference(
    stand_in: StandIn, shard: Path, monkeypatch: pytest.MonkeyPatch, script: str, what: str
) -> None:
    monkeypatch.setattr(child, "LIMIT_S", 0.4)
    monkeypatch.setattr(child, "LIMIT_S_PER_MB", 0.0)
    stand_in(script)
    for compared in (check, roundtrip):
        assert [str(one) for one in compared(shard).differences] == [f"{shard}: {what}"]


def test_without_larcv_the_remedy_is_told(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUWEAVE_LARCV_PYTHON", "none/python")
    with pytest.raises(UserError, match=r"none/python: is not there, .*; run `make larcv`"):
        check(shard)


def test_the_command_prints_a_line_a_file_and_a_line_a_difference(
    stand_in: StandIn, shard: Path, tmp_path: Path
) -> None:
    with ShardReader(shard) as reader:
        content = read_content(reader)
    stand_in(f"cp {dump(content, tmp_path / 'same.npz')} $5")
    summary = "2 events, 18 images, 486 voxels, 6 clusters, 16 particles; differences: 0"
    told = command(shard, "--json", tmp_path / "check.json")
    assert (told.returncode, told.stdout) == (0, f"{shard}: {summary}\n")
    (record,) = json.loads((tmp_path / "check.json").read_text())
    assert (record["path"], record["voxels"], record["differences"]) == (str(shard), 486, [])

    content["sparse2d_image/value"][3] = 0
    stand_in(f"cp {dump(content, tmp_path / 'other.npz')} $5")
    told = command(shard, "--json", tmp_path / "check.json")
    assert told.returncode == 1
    assert told.stdout.startswith(f"{shard}: sparse2d_image, event 0: value of 1 of 120 differs, first ")
    (record,) = json.loads((tmp_path / "check.json").read_text())
    assert [(one["product"], one["event"]) for one in record["differences"]] == [("sparse2d_image", 0)]
