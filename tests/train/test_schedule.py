"""The rate at chosen steps."""

from __future__ import annotations

import pytest

from nuweave.config.train import OverfitConfig, TrainConfig
from nuweave.train.schedule import make_schedule, overfit_rate

SETTINGS = TrainConfig(max_steps=100, learning_rate=2.0)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (9, 2.0), (10, 2.0), (55, 1.0), (40, 1.5)])
def test_the_rate_rises_to_the_peak_and_falls_as_a_cosine(step: int, rate: float) -> None:
    assert make_schedule(SETTINGS)(step) == pytest.approx(rate)


def test_the_last_step_still_moves() -> None:
    assert 0 < make_schedule(SETTINGS)(99) < 0.002


def test_the_overfit_rate_is_constant_after_ten_steps() -> None:
    settings = OverfitConfig(learning_rate=1.0)
    assert [overfit_rate(step, settings) for step in (0, 4, 9, 500)] == [0.1, 0.5, 1.0, 1.0]
