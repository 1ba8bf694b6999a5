"""A scheduler may start a job twice: one trains, the other leaves at once and says why."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.survival.conftest import NewTraining
from tests.survival.starts import PATIENCE_S, SAVED, ranks_of
from tests.train.events import tagger

pytestmark = pytest.mark.survival
TAKEN = 75


def test_a_second_start_leaves_and_the_first_trains_on(tmp_path: Path, new_training: NewTraining) -> None:
    """Also while the first stands still; a request to stop ends it with the status that the workflow knows."""
    training = new_training(tmp_path, tagger(engine="torch", ranks=2, max_steps=10**6, validate_every=10**6))
    first = training.start(plain=True)
    training.wait_for(first, lambda: (training.run_dir / "checkpoints" / "latest").is_file())
    ranks = ranks_of(first)
    assert len(ranks) == 2
    owner = json.loads((training.run_dir / "owner.json").read_text())
    assert owner["pid"] in ranks
    who = f"{training.run_dir}: process {owner['pid']} on {owner['host']}, since {owner['since']}, trains here"
    for number in (signal.SIGCONT, signal.SIGSTOP):
        for pid in ranks:
            os.kill(pid, number)
        assert training.start(plain=True).wait(PATIENCE_S) == TAKEN, training.said()
        assert [line for line in training.said().splitlines() if line.startswith("nuweave: ")] == [
            f"nuweave: {who}; this start leaves"
        ]
        assert first.poll() is None
    for pid in ranks:
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
    assert first.wait(PATIENCE_S) == SAVED, training.said(0)
    assert json.loads((training.run_dir / "state.json").read_text())["state"] == "stopped"
    step = training.records[-1]["step"]
    assert f"tiny: told to stop by SIGTERM: saved after step {step}; start it again to go on" in training.said(0)
    assert (training.run_dir / "checkpoints" / "latest").read_text() == f"step_{step:06d}"
    steps = [line["step"] for line in training.records]
    assert steps == list(range(1, step + 1))
