"""Trainings of real processes; none of them outlives its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nuweave.config import ModelConfig
from tests.survival.starts import NUM_EVENTS, Training
from tests.train.events import write_learnable

NewTraining = Callable[[Path, ModelConfig], Training]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """train_path and val_path of learnable events."""
    directory = tmp_path_factory.mktemp("learnable")
    return {
        "train_path": write_learnable(directory / "train.h5", num_events=NUM_EVENTS, seed=1),
        "val_path": write_learnable(directory / "val.h5", num_events=5, seed=2),
    }


@pytest.fixture
def new_training(data: dict[str, Path]) -> Iterator[NewTraining]:
    """Makes trainings; what lives of them at the end is killed."""
    made: list[Training] = []

    def make(directory: Path, model: ModelConfig) -> Training:
        made.append(Training(directory, model, data))
        return made[-1]

    yield make
    for training in made:
        training.end()
