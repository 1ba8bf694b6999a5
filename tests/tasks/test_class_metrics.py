"""Metrics of event classes from sums of events, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.tasks.class_metrics import event_sums, metrics_of, over_heads
from nuweave.tasks.ratios import Floats

TRUTH = np.array([0, 0, 1, 1, -1])
PROB = np.array([[0.92, 0.08], [0.36, 0.64], [0.18, 0.82], [0.06, 0.94], [0.5, 0.5]])


def summed(truth: NDArray[np.int64], prob: Floats) -> dict[str, Floats]:
    return {name: table.sum(axis=0) for name, table in event_sums(truth, prob).items()}


def test_confusion_and_calibration_by_hand() -> None:
    """Chosen with 0.92 and 0.94 (bin 9), 0.82 (bin 8): right; with 0.64 (bin 6): wrong; the last has no class."""
    sums = summed(TRUTH, PROB)
    assert sums["confusion"].tolist() == [[1, 1], [0, 2]]
    assert sums["calibration"][[6, 8, 9]].tolist() == [
        pytest.approx([1, 0.64, 0]),
        pytest.approx([1, 0.82, 1]),
        pytest.approx([2, 1.86, 2]),
    ]
    assert sums["calibration"][:, 0].sum() == 4


def test_metrics_by_hand() -> None:
    metrics = metrics_of(summed(TRUTH, PROB))
    assert metrics["accuracy"] == 3 / 4
    assert metrics["balanced_accuracy"] == (1 / 2 + 1) / 2
    assert metrics["calibration_error"] == pytest.approx((0.64 + 0.18 + 0.14) / 4)


def test_certainty_that_is_right_has_no_calibration_error() -> None:
    assert metrics_of(summed(np.array([0, 1]), np.eye(2)))["calibration_error"] == 0


def test_sums_over_ranks_are_the_same_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    truth, prob = rng.integers(-1, 3, 300), rng.dirichlet([1, 1, 1], 300)
    whole = summed(truth, prob)
    ranks = [summed(truth[rank::7], prob[rank::7]) for rank in range(7)]
    for name, table in whole.items():
        assert np.array_equal(sum(rank[name] for rank in reversed(ranks)), table), name


def test_a_head_without_truth_does_not_count_in_the_mean() -> None:
    nothing = metrics_of(summed(np.array([-1]), np.array([[0.5, 0.5]])))
    assert all(np.isnan(value) for value in nothing.values())
    joined = over_heads({"protons": metrics_of(summed(TRUTH, PROB)), "neutrino": nothing})
    assert joined["accuracy"] == joined["protons/accuracy"] == 3 / 4
