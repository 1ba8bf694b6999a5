"""Two ranks, then one, then two: the same events, the same losses."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from nuweave.config import ModelConfig
from tests.survival.conftest import NewTraining
from tests.survival.starts import SAVED, Training
from tests.train.events import tagger

pytestmark = pytest.mark.survival
ENGINES: dict[str, dict[str, Any]] = {
    "torch": {"engine": "torch"},
    "zero 1": {"engine": "deepspeed", "zero_stage": 1},
    "zero 2": {"engine": "deepspeed", "zero_stage": 2},
}
MAX_STEPS, STOPS = 12, (3, 7)
ROUNDED = 1e-4  # relative, of every step: sums over ranks are added in another order
ROUNDED_ONCE = 1e-5  # of the first step, and of the first with another number of ranks: little has added up


def make_model(engine: str, *, ranks: int) -> ModelConfig:
    """Each site has its own norm, no neuron drops out: where an event is trained does not matter.

    Over two channels that norm is hardly more than a sign, and would blow up what only rounds: it has eight.
    """
    model = tagger(ranks=ranks, max_steps=MAX_STEPS, optimizer={"kind": "sgd"}, **ENGINES[engine])
    return model.model_copy(update={"network": model.network.model_copy(update={"norm": "layer", "num_filters": 8})})


def trained_steps(training: Training) -> list[dict[str, Any]]:
    """The records of steps."""
    return [line for line in training.records if line["part"] == "train"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Path]) -> Training:
    """Two ranks all the way, with plain torch."""
    training = Training(tmp_path_factory.mktemp("undisturbed"), make_model("torch", ranks=2), data)
    try:
        assert training.run() == 0, training.said()
    finally:
        training.end()
    return training


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_goes_on_with_another_number_of_ranks(
    tmp_path: Path, new_training: NewTraining, undisturbed: Training, engine: str
) -> None:
    """A momentum that was lost would show at once. AdamW would blow up what only rounds: it makes all steps alike."""
    training = new_training(tmp_path, make_model(engine, ranks=2))
    assert training.interrupt("0,1", "forward", STOPS[0], signal.SIGTERM) == SAVED, training.said()
    training.configure(make_model(engine, ranks=1))
    assert training.interrupt("0", "forward", STOPS[1], signal.SIGTERM) == SAVED, training.said()
    training.configure(make_model(engine, ranks=2))
    assert training.run() == 0, training.said()
    assert training.global_batches == undisturbed.global_batches
    found, expected = trained_steps(training), trained_steps(undisturbed)
    for name in ("loss", "gradient_norm"):
        values, right = ([record[name] for record in records] for records in (found, expected))
        assert values == pytest.approx(right, rel=ROUNDED), name
        for step in (0, STOPS[0] + 1):
            assert values[step] == pytest.approx(right[step], rel=ROUNDED_ONCE), (name, step)
