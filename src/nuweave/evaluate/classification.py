"""Metrics of event classes from the truth and the predicted probabilities of one head.

Shapes: E events, S samples of events, K classes (T where they are the true ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.evaluate.estimate import binomial, weighted_sum
from nuweave.evaluate.roc import area, roc_curve
from nuweave.tasks.class_metrics import DESCRIPTIONS as CLASS_DESCRIPTIONS
from nuweave.tasks.class_metrics import event_sums, metrics_of
from nuweave.tasks.ratios import Floats, nan_mean, ratio

PRIMARY = "accuracy"
DESCRIPTIONS = CLASS_DESCRIPTIONS | {
    "auc": "area under the ROC curve, one class against the rest, mean over the classes",
    "log_loss": "mean of -log(probability of the true class); smaller is better",
}
SMALLER_IS_BETTER = ("calibration_error", "log_loss")
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


def head_tables(truth_E: NDArray[np.int64], prob_EK: Floats) -> tuple[dict[str, Any], dict[str, Any]]:
    """The confusion of the data itself and how well the probabilities are calibrated, as they are saved.

    Returns:
        counts (rows truth), efficiency (of each true class) and purity (of each predicted one) with binomial errors;
        and the bins of the probability of the chosen class that hold events: number, mean probability, share right.
    """
    sums = {name: table.sum(axis=0) for name, table in event_sums(truth_E, prob_EK).items()}
    counts, hits = sums["confusion"], np.diagonal(sums["confusion"])
    num_events, confidence, right = sums["calibration"][sums["calibration"][:, 0] > 0].T
    return (
        {
            "counts": counts.astype(int).tolist(),
            "efficiency": binomial(hits, counts.sum(axis=1)),
            "purity": binomial(hits, counts.sum(axis=0)),
        },
        {
            "num_events": num_events.astype(int).tolist(),
            "probability": (confidence / num_events).tolist(),
            "right": binomial(right, num_events),
        },
    )


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
    sums = {name: weighted_sum(weights, table) for name, table in event_sums(truth, prob).items()}
    curves = [one_against_rest(truth, prob, weights, label) for label in range(prob.shape[1])]
    return {
        **metrics_of(sums),
        "auc": nan_mean(np.stack([area(*curve) for curve in curves], axis=1), axis=1),
        "log_loss": ratio(weighted_sum(weights, _surprise(truth, prob)), weights.sum(axis=1)),
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
