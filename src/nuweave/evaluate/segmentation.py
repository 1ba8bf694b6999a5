"""Metrics of site labels in samples of events, from counts of true and predicted classes.

Shapes: E events, S samples of events, P planes, T true classes, K predicted classes.
Classes: 0 background, 1 cosmic, 2 neutrino.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.evaluate.estimate import weighted_sum
from nuweave.tasks.ratios import Floats
from nuweave.tasks.site_metrics import DESCRIPTIONS as SITE_DESCRIPTIONS
from nuweave.tasks.site_metrics import NUM_CLASSES, image_sums, metrics_of

DESCRIPTIONS = SITE_DESCRIPTIONS | {
    "neutrino_auc": "area under the ROC curve of the neutrino score, a site at a time, neutrino against the rest",
}


def site_counts(predictions: pd.DataFrame, num_planes: int) -> NDArray[np.int64] | None:
    """int64[E, P, T, K] from the columns plane{p}_true{t}_pred{k}; None where the table has no truth."""
    if "plane0_true0_pred0" not in predictions:
        return None
    columns = [
        f"plane{plane}_true{true}_pred{predicted}"
        for plane in range(num_planes)
        for true in range(NUM_CLASSES)
        for predicted in range(NUM_CLASSES)
    ]
    counts = predictions[columns].to_numpy(np.int64)
    return counts.reshape(len(predictions), num_planes, NUM_CLASSES, NUM_CLASSES)


def event_score(counts_EPTK: NDArray[np.int64]) -> Floats:
    """float64[E], mean IoU of each event over planes, cosmic and neutrino: what ranks best and worst."""
    return np.asarray(image_sums(counts_EPTK, None)["image_iou"][..., 1:].mean(axis=(1, 2)))


def segmentation_metrics(
    counts_EPTK: NDArray[np.int64], weights_SE: Floats, num_pixels: int | None
) -> dict[str, Floats]:
    """Every metric in every sample.

    Args:
        counts_EPTK: sites by truth and prediction.
        weights_SE: how often an event counts in a sample.
        num_pixels: pixels of one image, to count those that are not stored as background; None where the sites are a
            selection, so that nothing is known about the rest.
    Returns:
        name -> float64[S, P].
    """
    sums = image_sums(counts_EPTK, num_pixels)
    return metrics_of({name: weighted_sum(weights_SE, table) for name, table in sums.items()})
