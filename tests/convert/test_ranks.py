"""One file converted by several ranks over real MPI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nuweave.convert.shard import BLOCK_EVENTS, share_of
from nuweave.physics.detectors import get_detector
from nuweave.ranks import World
from tests.convert.handmade import write_edepsim_file

CUBE = get_detector("cube")
pytestmark = pytest.mark.mpi


def command(source: Path, shard: Path, config: Path, *, ranks: int) -> list[str]:
    launch = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)] if ranks > 1 else []
    convert = [sys.executable, "-m", "nuweave.cli", "convert", str(source), str(shard), "--config", str(config)]
    return [*launch, *convert, "--run", "3"]


def convert(source: Path, shard: Path, config: Path, *, ranks: int) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PMI_", "MPI_", "OMPI_"))}
    words = command(source, shard, config, ranks=ranks)
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("detector: cube\nconvert: {downsample: 2, response: {noise_adc: [1.0]}}\n")
    return path


def test_shards_and_manifests_of_1_2_and_3_ranks_have_the_same_bytes(tmp_path: Path, config: Path) -> None:
    source = write_edepsim_file(tmp_path / "raw.h5", CUBE, num_events=3 * BLOCK_EVENTS + 2)
    made = []
    for ranks in (1, 2, 3):
        shard = tmp_path / str(ranks) / "a.h5"
        done = convert(source, shard, config, ranks=ranks)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('"events_written": 26') == 1  # rank 0 alone speaks
        made.append((shard.read_bytes(), shard.with_suffix(".json").read_bytes()))
    assert made[0] == made[1] == made[2]


def test_a_file_that_cannot_be_read_is_told_once_and_leaves_nothing(tmp_path: Path, config: Path) -> None:
    (tmp_path / "raw.h5").write_bytes(b"no simulation")
    done = convert(tmp_path / "raw.h5", tmp_path / "out" / "a.h5", config, ranks=2)
    assert done.returncode == 1
    assert done.stderr.count("is not an HDF5 file") == 1
    assert not list(tmp_path.glob("out/*"))


def test_a_conversion_that_is_killed_leaves_nothing_under_a_final_name(tmp_path: Path, config: Path) -> None:
    source = write_edepsim_file(tmp_path / "raw.h5", CUBE, num_events=200)
    shard = tmp_path / "out" / "a.h5"
    with subprocess.Popen(command(source, shard, config, ranks=1)) as process:
        until = time.monotonic() + 60
        while not any(part.stat().st_size for part in tmp_path.glob("out/.a.h5.*.part")):
            assert time.monotonic() < until
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not shard.exists()
    assert not shard.with_suffix(".json").exists()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_event_is_converted_by_one_rank_and_in_order(size: int) -> None:
    rounds = range(0, 26, BLOCK_EVENTS * size)
    entries = [entry for first in rounds for rank in range(size) for entry in share_of(first, 26, World(rank, size))]
    assert entries == list(range(26))
