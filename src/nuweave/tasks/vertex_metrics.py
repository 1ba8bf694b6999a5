"""Metrics of found vertices as ratios of sums over images: one definition, for training and for evaluation.

Places are fractional sites: site k of an axis covers [k - 0.5, k + 0.5).
Shapes: P planes, D axes of an image; `...` axes in front of the planes (events, samples, or none).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nuweave.tasks.ratios import Floats, grained, ratio

PRIMARY = "box_accuracy"
DESCRIPTIONS = {
    "box_accuracy": "share of images with a vertex whose best box holds it",
    "within_box": "share of images with a vertex that is found within the side of a box",
    "distance_sites": "mean distance between the found and the true vertex, in sites; smaller is better",
    "score_with_vertex": "mean score of the best box of images with a vertex",
    "score_without_vertex": "mean score of the best box of images without a vertex; smaller is better",
}
_FAR_SITES = 2.0**12  # distances below it add exactly


def place_sums(found_PD: Floats, true_PD: Floats, stride: int) -> dict[str, Floats]:
    """What `place_metrics` needs of every image, to be added over images.

    Args:
        found_PD: [..., P, D], sites.
        true_PD: [..., P, D], sites; nan where the image has no vertex: such an image adds nothing.
        stride: sites along each axis of a box.
    Returns:
        `vertices`, `right_box`, `within_box`, and `distance` in sites, [..., P] each.
    """
    has_vertex: NDArray[np.bool_] = np.all(np.isfinite(true_PD), axis=-1)
    distance = distance_of(found_PD, true_PD)
    same_box: NDArray[np.bool_] = np.all(box_of(found_PD, stride) == box_of(true_PD, stride), axis=-1)
    return {
        "vertices": has_vertex.astype(np.float64),
        "right_box": same_box.astype(np.float64),
        "within_box": np.asarray(distance <= stride, np.float64),
        "distance": grained(np.where(has_vertex, distance, 0.0) / _FAR_SITES) * _FAR_SITES,
    }


def score_sums(score_P: Floats, true_PD: Floats) -> dict[str, Floats]:
    """What `score_metrics` needs of every image, to be added over images.

    Args:
        score_P: [..., P], score of the best box, 0 to 1.
        true_PD: [..., P, D]; nan where the image has no vertex.
    Returns:
        `vertices`, `vertex_score`, `empty_images`, `empty_score`, [..., P] each.
    """
    has_vertex: Floats = np.all(np.isfinite(true_PD), axis=-1).astype(np.float64)
    score = grained(score_P)
    return {
        "vertices": has_vertex,
        "vertex_score": score * has_vertex,
        "empty_images": 1 - has_vertex,
        "empty_score": score * (1 - has_vertex),
    }


def place_metrics(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """The metrics of places, [..., P] each; nan where there is no vertex."""
    names = {"box_accuracy": "right_box", "within_box": "within_box", "distance_sites": "distance"}
    return {name: ratio(sums[counted], sums["vertices"]) for name, counted in names.items()}


def score_metrics(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """The metrics of scores, [..., P] each; nan where there are no such images."""
    return {
        "score_with_vertex": ratio(sums["vertex_score"], sums["vertices"]),
        "score_without_vertex": ratio(sums["empty_score"], sums["empty_images"]),
    }


def distance_of(found_D: Floats, true_D: Floats) -> Floats:
    """[...], length of the step between places [..., D]; nan where either is."""
    return np.asarray(np.sqrt(((found_D - true_D) ** 2).sum(axis=-1)))


def box_of(place_D: Floats, stride: int) -> Floats:
    """[..., D], number of the box along each axis."""
    return np.floor((place_D + 0.5) / stride)
