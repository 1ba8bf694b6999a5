"""The bootstrap and the comparison with baselines."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.evaluate.estimate import compare, event_weights, value_and_error, weighted_sum


def test_first_sample_is_the_data_and_the_others_draw_as_many_events() -> None:
    weights = event_weights(num_events=7, num_bootstrap=20, seed=3)
    assert weights.shape == (21, 7)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 7).all()
    assert len(np.unique(weights[1:], axis=0)) > 10


def test_same_seed_gives_the_same_samples() -> None:
    assert np.array_equal(event_weights(9, 5, seed=1), event_weights(9, 5, seed=1))
    assert not np.array_equal(event_weights(9, 5, seed=1), event_weights(9, 5, seed=2))


def test_bootstrap_error_of_an_accuracy_is_binomial() -> None:
    right = np.arange(400) < 300  # p = 0.75, n = 400: sqrt(p (1 - p) / n) = 0.02165
    weights = event_weights(400, 2000, seed=0)
    found = value_and_error(weighted_sum(weights, right) / 400)
    assert found["value"] == 0.75
    assert found["error"] == pytest.approx(np.sqrt(0.75 * 0.25 / 400), rel=0.05)


def test_weighted_sum_over_blocks_equals_one_product() -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 9, (20_000, 2, 3))
    weights = rng.integers(0, 3, (4, 20_000)).astype(float)
    assert np.array_equal(weighted_sum(weights, table), np.einsum("se,eab->sab", weights, table))


def test_without_bootstrap_there_is_no_error() -> None:
    assert value_and_error(np.array([0.5])) == {"value": 0.5, "error": None}


def test_margin_is_over_the_best_baseline_and_its_error_is_paired() -> None:
    ours = np.array([0.9, 0.8, 1.0, 0.9])
    entry = compare(ours, {"low": np.zeros(4), "high": ours - 0.1})
    assert entry["best_baseline"] == "high"
    assert entry["margin"] == pytest.approx(0.1)
    assert entry["margin_error"] == pytest.approx(0, abs=1e-12)  # both move together


def test_margin_is_positive_where_smaller_is_better_and_ours_is_smaller() -> None:
    entry = compare(np.array([0.2]), {"a": np.array([0.5]), "b": np.array([0.3])}, larger_is_better=False)
    assert entry["best_baseline"] == "b"
    assert entry["margin"] == pytest.approx(0.1)


def test_baseline_that_is_not_defined_is_left_out() -> None:
    entry = compare(np.array([0.2]), {"none": np.array([np.nan])})
    assert entry["baselines"] == {}
    assert entry["margin"] is None
