"""Killed and told to stop again and again, a training ends with the same bits as one that nobody disturbed."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.survival.conftest import NewTraining
from tests.survival.starts import CHECKPOINT_EVERY, GLOBAL_BATCH, NUM_EVENTS, SAVED, Training
from tests.train.events import classifier

pytestmark = pytest.mark.survival
MAX_STEPS, EACH, SEED = 40, 5, 20261123
ENGINES: dict[str, dict[str, Any]] = {"torch": {"engine": "torch"}, "zero 1": {"engine": "deepspeed"}}


@dataclass(frozen=True)
class Interruption:
    """A signal to some ranks, at a place of a step."""

    ranks: str
    place: str
    step: int
    number: signal.Signals


def make_chain(seed: int) -> list[Interruption]:
    """Kills of one rank, kills of all and requests to stop, EACH times each, at growing steps in random order.

    Steps lie two apart and end two before the last: a request to stop at one of them may take effect in the next.
    """
    draw = random.Random(seed)
    kinds = ["kill one", "kill all", "stop"] * EACH
    draw.shuffle(kinds)
    numbers = sorted(draw.sample(range(MAX_STEPS - len(kinds) - 2), len(kinds)))
    return [_interruption(kind, step + at, draw) for at, (kind, step) in enumerate(zip(kinds, numbers, strict=True))]


def _interruption(kind: str, step: int, draw: random.Random) -> Interruption:
    one = draw.choice("01")
    if kind == "stop":
        return Interruption(draw.choice((one, "0,1")), draw.choice(("forward", "backward")), step, signal.SIGTERM)
    place = draw.choice(("forward", "backward", "write"))
    if place == "write":  # of the next checkpoint
        step += -step % CHECKPOINT_EVERY or CHECKPOINT_EVERY
    return Interruption(one if kind == "kill one" else "0,1", place, step, signal.SIGKILL)


def check_epochs(training: Training) -> None:
    """Batches go over the end of an epoch: cut into epochs, each whole one has every event once."""
    events = [event for batch in training.global_batches for event in batch]
    assert len(events) == MAX_STEPS * GLOBAL_BATCH
    for start in range(0, len(events), NUM_EVENTS):
        epoch = events[start : start + NUM_EVENTS]
        assert len(set(epoch)) == len(epoch), f"an event twice in the epoch from {start}"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_is_killed_and_stopped_fifteen_times_gives_the_same_bits(
    tmp_path: Path, new_training: NewTraining, engine: str
) -> None:
    model = classifier(
        ranks=2,
        global_batch=GLOBAL_BATCH,
        max_steps=MAX_STEPS,
        checkpoint_every=CHECKPOINT_EVERY,
        validate_every=10,
        **ENGINES[engine],
    )
    whole, chain = new_training(tmp_path / "whole", model), new_training(tmp_path / "chain", model)
    assert whole.run() == 0, whole.said()
    for one in make_chain(SEED):
        print(one)  # noqa: T201  (pytest shows it where the test fails)
        status = chain.interrupt(one.ranks, one.place, one.step, one.number)
        if one.number == signal.SIGTERM:
            assert status == SAVED, chain.said()
            last_step = one.step + (1 if one.place == "forward" else 2)
            assert (chain.run_dir / "checkpoints/latest").read_text() == f"step_{last_step:06d}"
        else:
            assert status not in (0, SAVED), chain.said()
    assert chain.run() == 0, chain.said()
    assert chain.weights == whole.weights
    assert chain.global_batches == whole.global_batches
    assert chain.records == whole.records
    check_epochs(chain)
    steps = [line["step"] for line in chain.records if line["part"] == "train"]
    assert steps == list(range(1, MAX_STEPS + 1))
