"""Classification metrics, by hand and beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from nuweave.evaluate.classification import (
    head_metrics,
    head_probabilities,
    head_tables,
    head_truth,
    log_probability_of_truth,
)

TRUTH = np.array([0, 0, 1, 1, -1])
PROB = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9], [0.5, 0.5]])


def table() -> pd.DataFrame:
    return pd.DataFrame({"protons_true": TRUTH, "protons_prob0": PROB[:, 0], "protons_prob1": PROB[:, 1]})


def test_truth_and_probabilities_come_back_from_the_columns() -> None:
    truth = head_truth(table(), "protons")
    assert truth is not None
    assert truth.tolist() == TRUTH.tolist()
    assert np.array_equal(head_probabilities(table(), "protons"), PROB)


def test_head_without_truth_is_none() -> None:
    assert head_truth(table(), "neutrino") is None
    assert head_truth(table().assign(protons_true=-1), "protons") is None


def test_metrics_by_hand() -> None:
    metrics = head_metrics(TRUTH, PROB, np.ones((1, 5)))
    assert metrics["accuracy"][0] == 3 / 4
    assert metrics["balanced_accuracy"][0] == (1 / 2 + 1) / 2
    assert metrics["auc"][0] == 1  # 0.9 and 0.4 are both above 0.2 and 0.1
    assert metrics["log_loss"][0] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.9]).mean())


def test_confusion_efficiency_and_purity_by_hand() -> None:
    confusion, _ = head_tables(TRUTH, PROB)
    assert confusion["counts"] == [[1, 1], [0, 2]]
    assert confusion["efficiency"] == [{"value": 0.5, "error": pytest.approx(0.125**0.5)}, {"value": 1.0, "error": 0.0}]
    assert confusion["purity"][1] == {"value": pytest.approx(2 / 3), "error": pytest.approx((2 / 9 / 3) ** 0.5)}


def test_purity_of_a_class_that_nothing_is_called_is_none() -> None:
    confusion, _ = head_tables(np.array([1]), np.array([[0.9, 0.1]]))
    assert confusion["purity"][1] == confusion["efficiency"][0] == {"value": None, "error": None}


def test_calibration_keeps_the_bins_that_hold_events() -> None:
    _, calibration = head_tables(np.array([0, 0, 1]), np.array([[0.92, 0.08], [0.94, 0.06], [0.64, 0.36]]))
    assert calibration["num_events"] == [1, 2]
    assert calibration["probability"] == pytest.approx([0.64, 0.93])
    assert [share["value"] for share in calibration["right"]] == [0, 1]


def test_metrics_equal_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 300)
    prob = rng.dirichlet([1, 1, 1], 300) + 0.3 * np.eye(3)[truth]
    prob = (prob / prob.sum(axis=1, keepdims=True)).round(2)  # rounding makes ties
    prob[:, 2] = 1 - prob[:, 0] - prob[:, 1]
    metrics = head_metrics(truth, prob, np.ones((1, 300)))
    assert metrics["balanced_accuracy"][0] == pytest.approx(balanced_accuracy_score(truth, prob.argmax(axis=1)))
    assert metrics["log_loss"][0] == pytest.approx(log_loss(truth, np.clip(prob, 1e-12, 1)), rel=1e-6)
    by_class = [roc_auc_score(truth == label, prob[:, label]) for label in range(3)]
    assert metrics["auc"][0] == pytest.approx(np.mean(by_class), abs=1e-12)


def test_weights_repeat_events() -> None:
    weights = np.array([[2.0, 0, 1, 1, 3]])
    unrolled = np.repeat(np.arange(5), weights[0].astype(int))
    weighted = head_metrics(TRUTH, PROB, weights)
    repeated = head_metrics(TRUTH[unrolled], PROB[unrolled], np.ones((1, len(unrolled))))
    for name, values in repeated.items():
        assert weighted[name] == pytest.approx(values), name


def test_class_without_events_does_not_count() -> None:
    metrics = head_metrics(np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]), np.ones((1, 2)))
    assert metrics["balanced_accuracy"][0] == 1
    assert np.isnan(metrics["auc"][0])


def test_score_of_an_event_is_its_mean_log_probability_of_truth() -> None:
    scores = log_probability_of_truth(table(), ["protons", "neutrino"])
    assert scores[:4] == pytest.approx(np.log([0.9, 0.4, 0.8, 0.9]))
    assert np.isnan(scores[4])
