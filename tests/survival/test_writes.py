"""Whatever happens to a write, the checkpoint before it is whole, and the training goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.survival.conftest import NewTraining
from tests.survival.starts import CHECKPOINT_EVERY, ROOT
from tests.train.events import classifier

pytestmark = pytest.mark.survival
MODEL = classifier(ranks=2, max_steps=12, checkpoint_every=CHECKPOINT_EVERY, validate_every=6)
MOUNTS_OWN = "SURVIVAL_MOUNTS"  # set where this process may mount as it likes
DISK_BYTES, LEFT_BYTES = 2**20, 20_000  # room for a line of metrics.jsonl, not for a checkpoint of some 50 kB


def test_a_checkpoint_that_was_cut_off_is_not_mistaken_for_one(tmp_path: Path, new_training: NewTraining) -> None:
    whole, killed = new_training(tmp_path / "whole", MODEL), new_training(tmp_path / "killed", MODEL)
    assert whole.run() == 0, whole.said()
    assert killed.interrupt("0,1", "write", 8, signal.SIGKILL) != 0
    checkpoints = killed.run_dir / "checkpoints"
    assert killed.checkpoints == [".step_000008.part", "latest", "step_000004", "step_000006"]
    assert (checkpoints / "latest").read_text() == "step_000006"
    assert list((checkpoints / ".step_000008.part").iterdir())
    (checkpoints / ".step_000008.part").rename(checkpoints / ".step_000007.part")  # as one that is not written again
    assert killed.run() == 0, killed.said()
    assert "going on after step 6 of 12" in killed.said()
    assert killed.weights == whole.weights
    assert killed.records == whole.records
    assert killed.checkpoints == whole.checkpoints


def test_a_full_disk_costs_no_checkpoint(
    tmp_path: Path, new_training: NewTraining, request: pytest.FixtureRequest
) -> None:
    """The test runs itself again where it may mount, if it may not here."""
    if not _may_mount(tmp_path) and MOUNTS_OWN not in os.environ:
        test = f"{Path(__file__).relative_to(ROOT)}::{request.node.name}"
        command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "pytest", "-q", test]
        environment = {**os.environ, MOUNTS_OWN: "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"no disk of its own could be mounted:\n{done.stdout}{done.stderr}"
        return
    whole, starved = new_training(tmp_path / "whole", MODEL), new_training(tmp_path / "starved", MODEL)
    assert whole.run() == 0, whole.said()
    with small_disk(starved.run_dir):
        process = starved.start("0,1:forward:6")
        starved.paused(process, 2)
        ballast = starved.run_dir / "ballast"
        free = os.statvfs(starved.run_dir).f_bavail * os.statvfs(starved.run_dir).f_frsize
        ballast.write_bytes(bytes(free - LEFT_BYTES))
        starved.go_on()
        assert process.wait(60) == 1
        (line,) = (line for line in starved.said().splitlines() if line.startswith("nuweave: "))
        assert f"{starved.run_dir}/checkpoints/step_000008: cannot be written (No space left on device)" in line
        assert "Traceback" not in starved.said()
        assert starved.checkpoints == ["latest", "step_000004", "step_000006"]
        ballast.unlink()
        assert starved.run() == 0, starved.said()
        assert "going on after step 6 of 12" in starved.said()
        assert starved.weights == whole.weights
        assert starved.records == whole.records
        assert starved.checkpoints == whole.checkpoints


def _may_mount(directory: Path) -> bool:
    try:
        with small_disk(directory / "trial"):
            return True
    except subprocess.CalledProcessError:
        return False


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """A disk of its own in memory, as long as this lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", directory], check=True, capture_output=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)
