"""ROC curves from histograms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from nuweave.evaluate.roc import NUM_SCORE_BINS, area, roc_curve, score_bins, thin


def test_perfect_score_has_area_one_and_the_reverse_zero() -> None:
    low, high = np.array([[3.0, 0.0]]), np.array([[0.0, 2.0]])
    assert area(*roc_curve(high, low)).tolist() == [1.0]
    assert area(*roc_curve(low, high)).tolist() == [0.0]


def test_ties_count_half() -> None:
    assert area(*roc_curve(np.array([[4.0]]), np.array([[9.0]]))).tolist() == [0.5]


def test_curve_by_hand() -> None:
    # ascending scores: positives 1, 1, 2; negatives 2, 2, 0. Cut above bin 2: 2/4 and 0/4; above bin 1: 3/4 and 2/4
    false_rate, true_rate = roc_curve(np.array([[1.0, 1, 2]]), np.array([[2.0, 2, 0]]))
    assert false_rate.tolist() == [[0, 0, 0.5, 1]]
    assert true_rate.tolist() == [[0, 0.5, 0.75, 1]]


def test_area_equals_sklearn_on_unbinned_scores() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(20_000) < 0.3
    score = np.where(truth, rng.beta(3, 2, truth.size), rng.beta(2, 3, truth.size))
    counts = [
        np.bincount(score_bins(score[kind]), minlength=NUM_SCORE_BINS)[None].astype(float) for kind in (truth, ~truth)
    ]
    assert area(*roc_curve(*counts))[0] == pytest.approx(roc_auc_score(truth, score), abs=1e-4)


def test_empty_class_has_no_area() -> None:
    assert np.isnan(area(*roc_curve(np.zeros((1, 3)), np.ones((1, 3))))[0])


def test_scores_of_zero_and_one_fall_in_the_outer_bins() -> None:
    assert score_bins(np.array([0.0, 1.0, 0.5])).tolist() == [0, 255, 128]


def test_thinned_curve_keeps_both_ends() -> None:
    saved = thin(np.linspace(0, 1, 5000), np.linspace(0, 1, 5000) ** 0.5)
    assert len(saved["false_positive_rate"]) == 201
    assert saved["true_positive_rate"][0] == 0
    assert saved["true_positive_rate"][-1] == 1
