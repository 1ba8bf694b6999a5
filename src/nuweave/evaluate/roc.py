"""ROC curves from histograms of a score. With one bin a distinct score they are exact.

Shapes: S samples, K bins of ascending score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nuweave.tasks.ratios import Floats, ratio

NUM_SCORE_BINS = 256


def score_bins(score: NDArray[np.floating]) -> NDArray[np.int64]:
    """The bin of each score in [0, 1]; the last bin holds 1."""
    return np.clip((np.asarray(score, np.float64) * NUM_SCORE_BINS).astype(np.int64), 0, NUM_SCORE_BINS - 1)


def roc_curve(positive_SK: Floats, negative_SK: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate, both float64[S, K + 1], from cutting above every bin down to below the first."""
    rates = []
    for counts in (negative_SK, positive_SK):
        above = np.cumsum(counts[:, ::-1], axis=1)
        rates.append(np.concatenate([np.zeros((len(counts), 1)), ratio(above, above[:, -1:])], axis=1))
    return rates[0], rates[1]


def area(false_rate_SK: Floats, true_rate_SK: Floats) -> Floats:
    """Area under each curve, float64[S]; nan where one of the two classes is empty."""
    return np.asarray(np.trapezoid(true_rate_SK, false_rate_SK, axis=1))


def thin(false_rate_K: Floats, true_rate_K: Floats, num_points: int = 201) -> dict[str, list[float]]:
    """One curve as it is saved: its corners, at most `num_points` of them."""
    keep = np.unique(np.linspace(0, len(false_rate_K) - 1, num_points).round().astype(np.int64))
    return {
        "false_positive_rate": false_rate_K[keep].round(6).tolist(),
        "true_positive_rate": true_rate_K[keep].round(6).tolist(),
    }
