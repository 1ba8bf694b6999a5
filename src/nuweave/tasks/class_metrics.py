"""Metrics of event classes as ratios of sums over events: one definition, for training and for evaluation.

Shapes: E events, T true classes, K predicted classes, V bins of the confidence; `...` axes in front (events, samples,
or none).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nuweave.tasks.ratios import Floats, grained, nan_mean, ratio

NO_CLASS = -1
NUM_CONFIDENCE_BINS = 10
DESCRIPTIONS = {
    "accuracy": "share of events whose most probable class is the true one",
    "balanced_accuracy": "mean over the true classes of the share of their events that is right",
    "calibration_error": "how far the probability of the chosen class is from the share of events that are right, mean "
    f"over {NUM_CONFIDENCE_BINS} bins of that probability weighted by their events; smaller is better",
}


def event_sums(truth_E: NDArray[np.int64], prob_EK: Floats) -> dict[str, Floats]:
    """What the metrics need of every event. Added over events, these are the sums that `metrics_of` takes.

    Args:
        truth_E: true class, NO_CLASS where there is none: such an event adds nothing.
        prob_EK: predicted probabilities.
    Returns:
        `confusion` [E, T, K]; `calibration` [E, V, 3]: events, summed probability of the chosen class, right ones.
    """
    num_events, num_classes = prob_EK.shape
    known = np.flatnonzero(truth_E != NO_CLASS)
    chosen, confidence = prob_EK.argmax(axis=1)[known], prob_EK.max(axis=1)[known]
    bins = np.minimum((confidence * NUM_CONFIDENCE_BINS).astype(np.int64), NUM_CONFIDENCE_BINS - 1)
    confusion = np.zeros((num_events, num_classes, num_classes))
    confusion[known, truth_E[known], chosen] = 1
    calibration = np.zeros((num_events, NUM_CONFIDENCE_BINS, 3))
    calibration[known, bins] = np.stack([np.ones(len(known)), grained(confidence), chosen == truth_E[known]], axis=1)
    return {"confusion": confusion, "calibration": calibration}


def metrics_of(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """Every metric of DESCRIPTIONS, [...] each; nan where no event has a class.

    Args:
        sums: of `event_sums`, added over events.
    """
    confusion, (_, confidence, right) = sums["confusion"], np.moveaxis(sums["calibration"], -1, 0)
    num_events = confusion.sum(axis=(-2, -1))
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return {
        "accuracy": ratio(hits.sum(axis=-1), num_events),
        "balanced_accuracy": nan_mean(ratio(hits, confusion.sum(axis=-1)), axis=-1),
        "calibration_error": ratio(np.abs(right - confidence).sum(axis=-1), num_events),
    }


def over_heads(metrics: Mapping[str, Mapping[str, Floats]]) -> dict[str, Floats]:
    """name -> [...]: the mean of the heads under the name itself, each head under {head}/name.

    Args:
        metrics: head -> name -> [...]; all heads have the same names.
    """
    names = next(iter(metrics.values()), {})
    joined: dict[str, Floats] = {}
    for name in names:
        joined[name] = nan_mean(np.stack([table[name] for table in metrics.values()]), axis=0)
        joined |= {f"{head}/{name}": table[name] for head, table in metrics.items()}
    return joined
