"""Metrics of site labels as ratios of sums over images: one definition, for training and for evaluation.

A pixel that is not stored is background, and every model finds it as such: its number alone makes the metrics those of
the dense images.
Shapes: P planes, T true classes, K predicted classes; `...` axes in front of the planes (events, samples, or none).
Source: the definitions of CosmicTagger (2012.01301) for the `image_` metrics; the pooled ones sum counts first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.truth import SiteLabel
from nuweave.tasks.ratios import Floats, grained, nan_mean, ratio

NUM_CLASSES = len(SiteLabel)
CLASSES = tuple(label.name.lower() for label in SiteLabel)
PRIMARY = "mean_iou"
DESCRIPTIONS = {
    "mean_iou": "mean of cosmic and neutrino IoU, sites of all events pooled",
    "cosmic_iou": "IoU of the cosmics, sites of all events pooled",
    "neutrino_iou": "IoU of the neutrino, sites of all events pooled",
    "background_iou_sites": "IoU of the background over stored sites",
    "accuracy_sites": "share of stored sites that are right",
    "nonbackground_accuracy": "share of true cosmic and neutrino sites that are right",
    "mean_iou_with_background": "mean of cosmic, neutrino and background IoU, every pixel of all events pooled",
    "background_iou": "IoU of the background over every pixel of the images, stored or not",
    "accuracy": "share of all pixels that are right; pixels that are not stored count as background found as such",
    "image_mean_iou": "mean of the image IoU of cosmics and neutrino",
    "image_cosmic_iou": "mean over images of the cosmic IoU; an image with neither truth nor prediction counts 1",
    "image_neutrino_iou": "mean over images of the neutrino IoU; an image with neither truth nor prediction counts 1",
    "image_nonbackground_accuracy": "mean over images that have such sites of the non-background accuracy",
    "image_mean_iou_with_background": "mean of the image IoU of cosmics, neutrino and background",
    "image_background_iou": "mean over images of the background IoU over every pixel",
}


def image_sums(counts_PTK: NDArray[np.int64], num_pixels: int | None) -> dict[str, Floats]:
    """What the metrics need of every image. Added over images, these are the sums that `metrics_of` takes.

    Args:
        counts_PTK: [..., P, T, K], stored sites of each image by truth and prediction.
        num_pixels: pixels of one image, stored or not; None where the sites are a selection, so that nothing is known
            about the rest.
    Returns:
        `confusion` [..., P, T, K]; `image_iou` [..., P, K]; and [..., P] each: `images`, `image_accuracy` (of
        non-background sites), `signal_images` (that have such sites), and `unstored` pixels, if `num_pixels`.
    """
    confusion = counts_PTK.astype(np.float64)
    signal = confusion[..., 1:, :].sum(axis=(-2, -1))
    sums = {
        "confusion": confusion,
        "images": np.ones_like(signal),
        "image_accuracy": grained(ratio(_right_signal(confusion), signal, empty=0.0)),
        "signal_images": (signal > 0).astype(np.float64),
    }
    if num_pixels is not None:
        sums["unstored"] = num_pixels - confusion.sum(axis=(-2, -1))
    return sums | {"image_iou": grained(_iou(_every_pixel(sums)))}


def metrics_of(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """Every metric of DESCRIPTIONS that the sums define, [..., P] each; nan where a plane has nothing to divide by.

    Args:
        sums: of `image_sums`, added over images. The IoU of a class that neither truth nor prediction has is 1.
    """
    confusion, images = sums["confusion"], sums["images"]
    right = np.trace(confusion, axis1=-2, axis2=-1)
    iou_sites, iou = _iou(confusion), _iou(_every_pixel(sums))
    image_iou = ratio(sums["image_iou"], images[..., None])
    metrics = {
        "mean_iou": iou[..., 1:].mean(axis=-1),
        "cosmic_iou": iou[..., SiteLabel.COSMIC],
        "neutrino_iou": iou[..., SiteLabel.NEUTRINO],
        "background_iou_sites": iou_sites[..., SiteLabel.BACKGROUND],
        "accuracy_sites": ratio(right, confusion.sum(axis=(-2, -1))),
        "nonbackground_accuracy": ratio(_right_signal(confusion), confusion[..., 1:, :].sum(axis=(-2, -1))),
        "image_mean_iou": image_iou[..., 1:].mean(axis=-1),
        "image_cosmic_iou": image_iou[..., SiteLabel.COSMIC],
        "image_neutrino_iou": image_iou[..., SiteLabel.NEUTRINO],
        "image_nonbackground_accuracy": ratio(sums["image_accuracy"], sums["signal_images"]),
    }
    if "unstored" in sums:
        metrics |= {
            "mean_iou_with_background": iou.mean(axis=-1),
            "background_iou": iou[..., SiteLabel.BACKGROUND],
            "accuracy": ratio(right + sums["unstored"], confusion.sum(axis=(-2, -1)) + sums["unstored"]),
            "image_mean_iou_with_background": image_iou.mean(axis=-1),
            "image_background_iou": image_iou[..., SiteLabel.BACKGROUND],
        }
    return {name: metrics[name] for name in DESCRIPTIONS if name in metrics}


def over_planes(metrics_P: Mapping[str, Floats]) -> dict[str, Floats]:
    """name -> [...]: the mean of the planes under the name itself, each plane under plane{p}/name."""
    means = {name: nan_mean(values, axis=-1) for name, values in metrics_P.items()}
    planes = {
        f"plane{plane}/{name}": values[..., plane]
        for name, values in metrics_P.items()
        for plane in range(values.shape[-1])
    }
    return means | planes


def _every_pixel(sums: Mapping[str, Floats]) -> Floats:
    """The confusion of dense images, where the sums know how many pixels are not stored; else of the sites."""
    confusion = sums["confusion"].copy()
    confusion[..., SiteLabel.BACKGROUND, SiteLabel.BACKGROUND] += sums.get("unstored", 0.0)
    return confusion


def _right_signal(confusion: Floats) -> Floats:
    """Cosmic and neutrino sites that are found as such."""
    return np.asarray(np.trace(confusion[..., 1:, 1:], axis1=-2, axis2=-1))


def _iou(confusion: Floats) -> Floats:
    """[..., K], sites that truth and prediction share over those of either; 1 where there are none."""
    both = np.diagonal(confusion, axis1=-2, axis2=-1)
    return ratio(both, confusion.sum(axis=-1) + confusion.sum(axis=-2) - both, empty=1.0)
