"""Metrics of event classes from the truth and the predicted probabilities of one head.

Shapes: E events, S samples of events, K classes (T where they are the true ones).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.evaluate.estimate import weighted_sum
from nuweave.evaluate.roc import area, roc_curve
from nuweave.tasks.ratios import Floats, nan_mean, ratio

PRIMARY = "accuracy"
DESCRIPTIONS = {
    "accuracy": "share of events whose most probable class is the true one",
    "balanced_accuracy": "mean over the true classes of the share of their events that is right",
    "auc": "area under the ROC curve, one class against the rest, mean over the classes",
    "log_loss": "mean of -log(probability of the true class); smaller is better",
}
SMALLER_IS_BETTER = ("log_loss",)
_LEAST_PROBABILITY = 1e-12


def head_truth(predictions: pd.DataFrame, head: str) -> NDArray[np.int64] | None:
    """int64[E], the true class or -1; None where the source has no such truth, or no event of it."""
    column = f"{head}_true"
    if column not in predictions:
        return None
    truth = predictions[column].to_numpy(np.int64)
    return truth if (truth >= 0).any() else None


def head_probabilities(predictions: pd.DataFrame, head: str) -> Floats:
    """float64[E, K] from the columns {head}_prob{k}."""
    columns = sorted(
        (name for name in predictions.columns if name.startswith(f"{head}_prob")),
        key=lambda name: int(name.removeprefix(f"{head}_prob")),
    )
    return predictions[columns].to_numpy(np.float64)


def log_probability_of_truth(predictions: pd.DataFrame, heads: Sequence[str]) -> Floats:
    """float64[E], mean over the heads with truth of log(probability of the true class); nan where there is none."""
    logs = np.full((len(predictions), len(heads)), np.nan)
    for i, head in enumerate(heads):
        truth = head_truth(predictions, head)
        if truth is not None:
            logs[:, i] = np.where(truth >= 0, -_surprise(truth, head_probabilities(predictions, head)), np.nan)
    return nan_mean(logs, axis=1)


def confusion(truth_E: NDArray[np.int64], prob_EK: Floats) -> NDArray[np.int64]:
    """int64[T, K], events by true and most probable class."""
    num_classes = prob_EK.shape[1]
    known = truth_E >= 0
    flat = truth_E[known] * num_classes + prob_EK[known].argmax(axis=1)
    return np.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes).astype(np.int64)


def head_metrics(truth_E: NDArray[np.int64], prob_EK: Floats, weights_SE: Floats) -> dict[str, Floats]:
    """Every metric in every sample; events without truth do not count.

    Args:
        truth_E: true class, -1 where unknown.
        prob_EK: predicted probabilities.
        weights_SE: how often an event counts in a sample.
    Returns:
        name -> float64[S].
    """
    known = truth_E >= 0
    truth, prob, weights = truth_E[known], prob_EK[known], weights_SE[:, known]
    num_events = weights.sum(axis=1)
    right = prob.argmax(axis=1) == truth
    is_class = truth[:, None] == np.arange(prob.shape[1])
    recall = ratio(weighted_sum(weights, is_class & right[:, None]), weighted_sum(weights, is_class))
    curves = [one_against_rest(truth, prob, weights, label) for label in range(prob.shape[1])]
    return {
        "accuracy": ratio(weighted_sum(weights, right), num_events),
        "balanced_accuracy": nan_mean(recall, axis=1),
        "auc": nan_mean(np.stack([area(*curve) for curve in curves], axis=1), axis=1),
        "log_loss": ratio(weighted_sum(weights, _surprise(truth, prob)), num_events),
    }


def one_against_rest(
    truth_E: NDArray[np.int64], prob_EK: Floats, weights_SE: Floats, label: int
) -> tuple[Floats, Floats]:
    """False and true positive rate, both float64[S, distinct scores + 1], of one class against the rest; exact."""
    known = truth_E >= 0
    _, score_bin = np.unique(prob_EK[known, label], return_inverse=True)
    order = np.argsort(score_bin, kind="stable")
    starts = np.flatnonzero(np.diff(score_bin[order], prepend=-1))
    weights = weights_SE[:, known][:, order]
    is_class = truth_E[known][order] == label
    counts = [np.add.reduceat(np.where(kind, weights, 0.0), starts, axis=1) for kind in (is_class, ~is_class)]
    return roc_curve(*counts)


def _surprise(truth_E: NDArray[np.int64], prob_EK: Floats) -> Floats:
    """float64[E], -log(probability of the true class); of class 0 where the truth is unknown."""
    chosen = np.take_along_axis(prob_EK, np.maximum(truth_E, 0)[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(chosen, _LEAST_PROBABILITY))
