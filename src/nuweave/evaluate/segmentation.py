"""Metrics of site labels from counts of true and predicted classes, an event and a plane at a time.

Shapes: E events, S samples of events, P planes, T true classes, K predicted classes.
Classes: 0 background, 1 cosmic, 2 neutrino.
Source: the definitions of CosmicTagger (2012.01301) for the `image_` metrics; the pooled ones sum counts first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.evaluate.estimate import Floats, nan_mean, ratio, weighted_sum

NUM_CLASSES = 3
CLASSES = ("background", "cosmic", "neutrino")
PRIMARY = "mean_iou"
DESCRIPTIONS = {
    "mean_iou": "mean of cosmic and neutrino IoU, sites of all events pooled",
    "background_iou": "IoU of the background over every pixel of the images, stored or not",
    "background_iou_sites": "IoU of the background over stored sites",
    "cosmic_iou": "IoU of the cosmics, sites of all events pooled",
    "neutrino_iou": "IoU of the neutrino, sites of all events pooled",
    "accuracy": "share of all pixels that are right; pixels that are not stored count as background found as such",
    "accuracy_sites": "share of stored sites that are right",
    "nonbackground_accuracy": "share of true cosmic and neutrino sites that are right",
    "image_mean_iou": "mean of the two image IoU below",
    "image_cosmic_iou": "mean over images of the cosmic IoU; an image with neither truth nor prediction counts 1",
    "image_neutrino_iou": "mean over images of the neutrino IoU; an image with neither truth nor prediction counts 1",
    "image_nonbackground_accuracy": "mean over images that have such sites of the non-background accuracy",
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


def image_iou(counts_EPTK: NDArray[np.int64]) -> Floats:
    """float64[E, P, 2], IoU of cosmic and neutrino in each image; 1 where neither truth nor prediction has any."""
    return np.stack([_iou(counts_EPTK, label, empty=1.0) for label in (1, 2)], axis=-1)


def event_score(counts_EPTK: NDArray[np.int64]) -> Floats:
    """float64[E], mean IoU of each event over planes, cosmic and neutrino: what ranks best and worst."""
    return np.asarray(image_iou(counts_EPTK).mean(axis=(1, 2)))


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
    total = weighted_sum(weights_SE, counts_EPTK)
    right = np.trace(total, axis1=2, axis2=3)
    metrics = {
        "background_iou_sites": _iou(total, 0, empty=1.0),
        "cosmic_iou": _iou(total, 1, empty=1.0),
        "neutrino_iou": _iou(total, 2, empty=1.0),
        "accuracy_sites": ratio(right, total.sum(axis=(2, 3))),
        "nonbackground_accuracy": ratio(total[..., 1, 1] + total[..., 2, 2], total[..., 1:, :].sum(axis=(2, 3))),
        **_image_metrics(counts_EPTK, weights_SE),
    }
    if num_pixels is not None:
        pixels = num_pixels * weights_SE.sum(axis=1)[:, None]
        unstored = pixels - total.sum(axis=(2, 3))
        dense = total.copy()
        dense[..., 0, 0] += unstored
        metrics["accuracy"] = ratio(right + unstored, pixels)
        metrics["background_iou"] = _iou(dense, 0, empty=1.0)
    metrics["mean_iou"] = (metrics["cosmic_iou"] + metrics["neutrino_iou"]) / 2
    return {name: metrics[name] for name in DESCRIPTIONS if name in metrics}


def _image_metrics(counts_EPTK: NDArray[np.int64], weights_SE: Floats) -> dict[str, Floats]:
    """Means over images of ratios, as the reference has them."""
    num_events = weights_SE.sum(axis=1)[:, None]
    cosmic, neutrino = (
        weighted_sum(weights_SE, iou) / num_events for iou in np.moveaxis(image_iou(counts_EPTK), -1, 0)
    )
    signal = counts_EPTK[..., 1:, :].sum(axis=(2, 3))
    found = ratio(counts_EPTK[..., 1, 1] + counts_EPTK[..., 2, 2], signal, empty=0.0)
    return {
        "image_mean_iou": (cosmic + neutrino) / 2,
        "image_cosmic_iou": cosmic,
        "image_neutrino_iou": neutrino,
        "image_nonbackground_accuracy": ratio(weighted_sum(weights_SE, found), weighted_sum(weights_SE, signal > 0)),
    }


def _iou(counts_TK: NDArray[np.int64] | Floats, label: int, *, empty: float) -> Floats:
    both = counts_TK[..., label, label]
    either = counts_TK[..., label, :].sum(axis=-1) + counts_TK[..., :, label].sum(axis=-1) - both
    return ratio(both, either, empty=empty)


def over_planes(metrics_SP: dict[str, Floats]) -> dict[str, Floats]:
    """name -> float64[S]: the mean of the planes under the name itself, each plane under plane{p}/name."""
    means = {name: nan_mean(values, axis=1) for name, values in metrics_SP.items()}
    planes = {
        f"plane{plane}/{name}": values[:, plane]
        for name, values in metrics_SP.items()
        for plane in range(values.shape[1])
    }
    return means | planes
