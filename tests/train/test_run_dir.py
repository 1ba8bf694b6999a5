"""Whose a run directory is."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset
from nuweave.store.files import DiskError
from nuweave.train.errors import RunTakenError, TrainError
from nuweave.train.run_dir import claim, fingerprint, owned, write_settings, write_state
from tests.train.events import tagger, write_learnable

HOLD = """
import sys, time
from pathlib import Path
from typing import Any
from nuweave.train.run_dir import owned
with owned(Path(sys.argv[1]), print, {"SLURM_JOB_ID": "77"}):
    print("owns", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_who_trains_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "owns\n"
        with pytest.raises(RunTakenError, match=rf"process {other.pid} on .*, job 77, since .* trains here"):
            owned(tmp_path, print).__enter__()
        assert json.loads((tmp_path / "owner.json").read_text())["pid"] == other.pid
        other.kill()
    with owned(tmp_path, print):
        assert json.loads((tmp_path / "owner.json").read_text())["pid"] == os.getpid()


def test_a_file_system_without_locks_is_said_and_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    told: list[str] = []
    with owned(tmp_path, told.append):
        assert told == [f"{tmp_path}: this file system has no locks; make sure that no second job trains here"]


def test_a_run_of_another_training_is_moved_aside_and_counted(tmp_path: Path) -> None:
    run_dir, told = tmp_path / "run", list[str]()
    with owned(run_dir, told.append):
        claim(run_dir, "a", told.append)
        claim(run_dir, "a", told.append)
        assert not told
        for number, mark in enumerate("bc", start=1):
            (run_dir / "of").write_text(mark)
            claim(run_dir, mark, told.append)
            assert not (run_dir / "of").exists()
            assert (tmp_path / f"run.old{number}" / "of").read_text() == mark
        assert (run_dir / "owner.json").exists()
    assert len(told) == 2
    assert "run.old2" in told[1]


def test_the_fingerprint_follows_what_decides_the_weights_and_nothing_else(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    def mark(model: ModelConfig, seed: int = 1, path: Path = learnable["train_path"]) -> str:
        return fingerprint(model, seed=seed, dataset=EventDataset(path))

    usual = mark(tagger())
    free: dict[str, Any] = {
        "log_every": 7,
        "validate_every": 7,
        "checkpoint_every": 7,
        "max_validation_events": 7,
        "profile_steps": 3,
    }
    shared: dict[str, Any] = {
        "ranks": 2,
        "accumulate": 2,
        "zero_stage": 2,
        "recompute": True,
        "limits": {"hang_timeout_s": 5},
    }
    assert mark(tagger(**free)) == usual
    assert mark(tagger(**shared, selection={"patience": 3})) == usual
    assert mark(tagger(overfit={"max_steps": 7})) == usual
    others = [
        mark(tagger(learning_rate=0.02)),
        mark(tagger(optimizer={"kind": "sgd"})),
        mark(tagger(engine="deepspeed", zero_stage=0)),
        mark(tagger(engine="deepspeed", zero_stage=1)),
        mark(tagger(), seed=2),
        mark(tagger(), path=write_learnable(tmp_path / "other.h5", num_events=10, seed=3)),
    ]
    assert len({usual, *others}) == 7
    assert mark(tagger(engine="deepspeed", zero_stage=2)) in others


def test_settings_and_state_can_be_read_by_others(tmp_path: Path) -> None:
    write_settings(tmp_path, name="tiny", model=tagger(), events_per_epoch=10)
    write_state(tmp_path, "failed", message="why")
    settings, state = (json.loads((tmp_path / name).read_text()) for name in ("settings.json", "state.json"))
    assert (settings["max_steps"], settings["events_per_epoch"], settings["train"]["ranks"]) == (8, 10, 1)
    assert (state["state"], state["message"]) == ("failed", "why")


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainError, match=r"file: cannot be written \(.*\); choose another place"):
        owned(tmp_path / "file", print).__enter__()
    with pytest.raises(DiskError, match=r"file/state.json: cannot be written \(.*\); free space"):
        write_state(tmp_path / "file", "running")
