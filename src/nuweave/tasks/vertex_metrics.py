"""Metrics of found vertices as ratios of sums over images: one definition, for training and for evaluation.

Places are fractional sites: site k of an axis covers [k - 0.5, k + 0.5).
Shapes: P planes, D axes of an image; `...` axes in front of the planes (events, samples, or none).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

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
    """What the metrics of places need of every image.

    Added over images, these and `score_sums` are the sums that `metrics_of` takes.

    Args:
        found_PD: [..., P, D], sites.
        true_PD: [..., P, D], sites; nan where the image has no vertex: such an image adds nothing.
        stride: sites along each axis of a box.
    Returns:
        `vertices`, `right_box`, `within_box`, and `distance` in sites, [..., P] each.
    """
    has_vertex = np.isfinite(true_PD).all(axis=-1)
    distance = distance_of(found_PD, true_PD)
    same_box = (box_of(found_PD, stride) == box_of(true_PD, stride)).all(axis=-1)
    return {
        "vertices": has_vertex.astype(np.float64),
        "right_box": same_box.astype(np.float64),
        "within_box": (distance <= stride).astype(np.float64),
        "distance": grained(np.where(has_vertex, distance, 0.0) / _FAR_SITES) * _FAR_SITES,
    }


def score_sums(score_P: Floats, has_vertex_P: Floats) -> dict[str, Floats]:
    """What the metrics of scores need of every image, added as those of `place_sums`.

    Args:
        score_P: [..., P], score of the best box, 0 to 1.
        has_vertex_P: [..., P], 1 for an image with a vertex, else 0.
    """
    score = grained(score_P)
    return {
        "vertex_score": score * has_vertex_P,
        "empty_score": score * (1 - has_vertex_P),
        "empty_images": 1 - has_vertex_P,
    }


def metrics_of(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """Every metric of DESCRIPTIONS that the sums define, [..., P] each; nan where there is nothing to divide by."""
    vertices = sums["vertices"]
    metrics = {
        "box_accuracy": ratio(sums["right_box"], vertices),
        "within_box": ratio(sums["within_box"], vertices),
        "distance_sites": ratio(sums["distance"], vertices),
    }
    if "vertex_score" in sums:
        metrics["score_with_vertex"] = ratio(sums["vertex_score"], vertices)
        metrics["score_without_vertex"] = ratio(sums["empty_score"], sums["empty_images"])
    return metrics


def distance_of(found_D: Floats, true_D: Floats) -> Floats:
    """[...], length of the step between places [..., D]; nan where either is."""
    return np.asarray(np.sqrt(((found_D - true_D) ** 2).sum(axis=-1)))


def box_of(place_D: Floats, stride: int) -> Floats:
    """[..., D], number of the box along each axis."""
    return np.floor((place_D + 0.5) / stride)
