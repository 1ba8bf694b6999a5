"""The rate at chosen steps."""

from __future__ import annotations

import pytest

from nuweave.config.train import OverfitConfig, TrainConfig
from nuweave.train.schedule import overfit_rate, training_rate

SETTINGS = TrainConfig(max_steps=100, learning_rate=2.0, warmup_fraction=0.1)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (9, 2.0), (10, 2.0), (55, 1.0), (40, 1.5)])
def test_the_rate_rises_to_the_peak_and_falls_as_a_cosine(step: int, rate: float) -> None:
    assert training_rate(step, SETTINGS) == pytest.approx(rate)


def test_the_last_step_still_moves() -> None:
    assert 0 < training_rate(99, SETTINGS) < 0.002


def test_one_step_and_no_warmup_use_the_peak() -> None:
    assert training_rate(0, TrainConfig(max_steps=1, learning_rate=2.0, warmup_fraction=0)) == 2.0
    assert training_rate(0, TrainConfig(max_steps=1, learning_rate=2.0, warmup_fraction=0.9)) == 2.0


def test_the_overfit_rate_is_constant_after_ten_steps() -> None:
    settings = OverfitConfig(learning_rate=1.0)
    assert [overfit_rate(step, settings) for step in (0, 4, 9, 500)] == [0.1, 0.5, 1.0, 1.0]
