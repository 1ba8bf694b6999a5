"""The rate at chosen steps."""

from __future__ import annotations

import math
import random

import pytest

from nuweave.config.train import OverfitConfig, TrainConfig
from nuweave.train.schedule import make_schedule, overfit_rate

KINDS = ("cosine", "constant", "one_cycle", "cyclic")


def settings(kind: str = "cosine", *, max_steps: int = 100, peak: float = 2.0, **schedule: object) -> TrainConfig:
    values = {"max_steps": max_steps, "learning_rate": peak, "schedule": {"kind": kind, **schedule}}
    return TrainConfig.model_validate(values)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (9, 2.0), (10, 2.0), (55, 1.0), (40, 1.5)])
def test_the_rate_rises_to_the_peak_and_falls_as_a_cosine(step: int, rate: float) -> None:
    assert make_schedule(settings())(step) == pytest.approx(rate, rel=1e-12)


def test_every_rate_of_the_cosine_is_the_formula() -> None:
    rate = make_schedule(settings(max_steps=3000, peak=1.0))
    for step in range(3000):
        formula = (step + 1) / 300 if step < 300 else (1 + math.cos(math.pi * (step - 300) / 2700)) / 2
        assert rate(step) == pytest.approx(formula, abs=1e-12)


def test_the_cosine_ends_above_its_final_share_of_the_peak() -> None:
    assert 0 < make_schedule(settings())(99) < 0.002
    assert 0.5 < make_schedule(settings(final_fraction=0.25))(99) < 0.502


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (9, 2.0), (10, 2.0), (55, 2.0), (99, 2.0)])
def test_a_constant_rate_stays_at_the_peak_after_its_rise(step: int, rate: float) -> None:
    assert make_schedule(settings("constant"))(step) == pytest.approx(rate)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (10, 1.1), (20, 2.0), (60, 1.001), (100, 0.002)])
def test_one_cycle_goes_up_and_down_in_half_cosines(step: int, rate: float) -> None:
    """From 2 / 10 up to 2 and down to 0.2 / 100; halfway in time is halfway in rate."""
    cycle = settings("one_cycle", max_steps=101, warmup_fraction=21 / 101, start_divisor=10, final_divisor=100)
    assert make_schedule(cycle)(step) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 2e-4), (50, 2e-4 + 8e-4 * 0.999**50), (100, 2e-4 + 1.6e-3 * 0.999**100), (200, 2e-4), (1000, 2e-4)],
)
def test_the_cyclic_rate_is_that_of_1912_10133_in_2d(step: int, rate: float) -> None:
    cycles = settings("cyclic", max_steps=2000, peak=1.8e-3, lowest_fraction=1 / 9)
    assert make_schedule(cycles)(step) == pytest.approx(rate)


@pytest.mark.parametrize("kind", KINDS)
def test_any_order_of_asking_gives_the_same(kind: str) -> None:
    in_order, at_random = make_schedule(settings(kind)), make_schedule(settings(kind))
    rates = [in_order(step) for step in range(100)]
    steps = random.Random(1).sample(range(100), 100)
    assert [at_random(step) for step in steps] == [rates[step] for step in steps]


@pytest.mark.parametrize("kind", ["cosine", "constant", "one_cycle"])
@pytest.mark.parametrize("max_steps", [1, 2, 3, 10])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_every_step_moves_and_none_above_the_peak_whatever_share_rises(kind: str, max_steps: int, share: float) -> None:
    rate = make_schedule(settings(kind, max_steps=max_steps, warmup_fraction=share))
    assert all(0 < rate(step) <= 2.0 + 1e-12 for step in range(max_steps))


@pytest.mark.parametrize("kind", ["cosine", "constant"])
def test_without_a_rise_the_first_step_has_the_peak(kind: str) -> None:
    assert make_schedule(settings(kind, warmup_fraction=0))(0) == 2.0


def test_a_cycle_of_one_step_halves_is_its_lowest_and_its_peak_in_turn() -> None:
    rate = make_schedule(settings("cyclic", half_cycle_steps=1, lowest_fraction=0.25, decay=1))
    assert [rate(step) for step in range(4)] == pytest.approx([0.5, 2.0, 0.5, 2.0])


def test_the_overfit_rate_is_constant_after_ten_steps() -> None:
    overfit = OverfitConfig(learning_rate=1.0)
    assert [overfit_rate(step, overfit) for step in (0, 4, 9, 500)] == [0.1, 0.5, 1.0, 1.0]
