"""Metrics from sums of sparse counts, against dense images pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.tasks.ratios import Floats
from nuweave.tasks.site_metrics import image_sums, metrics_of, over_planes

NUM_PIXELS = 60
Labels = NDArray[np.int64]


def dense_images(num_events: int, num_planes: int = 2, *, seed: int = 0) -> tuple[Labels, Labels]:
    """Truth and prediction, int64[E, P, pixels], mostly background; the first event is background throughout."""
    rng = np.random.default_rng(seed)
    shape = (num_events, num_planes, NUM_PIXELS)
    truth, found = (rng.choice(3, shape, p=(0.8, 0.15, 0.05)) for _ in range(2))
    found = np.where(rng.random(shape) < 0.6, truth, found)
    truth[0], found[0] = 0, 0
    return truth, found


def stored_counts(truth: Labels, found: Labels, *, seed: int = 1) -> Labels:
    """int64[E, P, T, K] of the sites that are stored: those of any class but background, and some more."""
    rng = np.random.default_rng(seed)
    stored = (truth > 0) | (found > 0) | (rng.random(truth.shape) < 0.3)
    pairs = [[np.sum(stored & (truth == t) & (found == k), axis=-1) for k in range(3)] for t in range(3)]
    return np.moveaxis(np.array(pairs), (0, 1), (-2, -1))


def brute_force(truth: Labels, found: Labels) -> dict[str, float]:
    """The metrics of one plane, from its images [E, pixels]."""

    def iou(truth: Labels, found: Labels, label: int) -> float:
        either = np.sum((truth == label) | (found == label))
        return float(np.sum((truth == label) & (found == label)) / either) if either else 1.0

    pooled = [iou(truth, found, label) for label in range(3)]
    image = [np.mean([iou(t, f, label) for t, f in zip(truth, found, strict=True)]) for label in range(3)]
    signal = truth > 0
    return {
        "accuracy": float(np.mean(truth == found)),
        "nonbackground_accuracy": float(np.mean((truth == found)[signal])),
        "background_iou": pooled[0],
        "cosmic_iou": pooled[1],
        "neutrino_iou": pooled[2],
        "mean_iou": (pooled[1] + pooled[2]) / 2,
        "mean_iou_with_background": sum(pooled) / 3,
        "image_background_iou": float(image[0]),
        "image_cosmic_iou": float(image[1]),
        "image_neutrino_iou": float(image[2]),
        "image_mean_iou": float(image[1] + image[2]) / 2,
        "image_mean_iou_with_background": float(sum(image)) / 3,
        "image_nonbackground_accuracy": float(
            np.mean([np.mean((t == f)[t > 0]) for t, f in zip(truth, found, strict=True) if (t > 0).any()])
        ),
    }


def summed(counts: Labels) -> dict[str, Floats]:
    return {name: table.sum(axis=0) for name, table in image_sums(counts, NUM_PIXELS).items()}


def test_sparse_counts_give_the_metrics_of_dense_images() -> None:
    truth, found = dense_images(num_events=7)
    metrics = metrics_of(summed(stored_counts(truth, found)))
    for plane in range(2):
        expected = brute_force(truth[:, plane], found[:, plane])
        assert {name: float(metrics[name][plane]) for name in expected} == pytest.approx(expected, abs=1e-10)


def test_background_that_is_stored_or_not_changes_only_the_metrics_of_stored_sites() -> None:
    truth, found = dense_images(num_events=5)
    one, other = (metrics_of(summed(stored_counts(truth, found, seed=seed))) for seed in (1, 2))
    moved = {name for name in one if not np.array_equal(one[name], other[name])}
    assert moved == {"accuracy_sites", "background_iou_sites"}


@pytest.mark.parametrize("num_ranks", [2, 3, 7])
def test_sums_over_ranks_are_the_same_to_the_last_bit(num_ranks: int) -> None:
    truth, found = dense_images(num_events=50)
    counts = stored_counts(truth, found)
    whole = summed(counts)
    ranks = [summed(counts[rank::num_ranks]) for rank in range(num_ranks)]
    for name, table in whole.items():
        assert np.array_equal(sum(rank[name] for rank in reversed(ranks)), table), name


def test_an_iou_of_an_empty_union_is_one() -> None:
    nothing = np.zeros((1, 1, 3, 3), np.int64)
    metrics = metrics_of(summed(nothing))
    assert metrics["cosmic_iou"] == metrics["image_neutrino_iou"] == metrics["accuracy"] == 1
    assert np.isnan(metrics["nonbackground_accuracy"]).all()
    assert np.isnan(metrics["accuracy_sites"]).all()


def test_every_background_pixel_called_neutrino_is_an_empty_intersection() -> None:
    counts = np.zeros((1, 1, 3, 3), np.int64)
    counts[..., 0, 2] = NUM_PIXELS
    metrics = metrics_of(summed(counts))
    assert metrics["background_iou"] == metrics["neutrino_iou"] == metrics["accuracy"] == 0
    assert metrics["cosmic_iou"] == 1


def test_planes_are_averaged_where_defined_and_kept() -> None:
    found = over_planes({"mean_iou": np.array([0.2, 0.4]), "accuracy": np.array([0.5, np.nan])})
    assert found["mean_iou"] == pytest.approx(0.3)
    assert found["accuracy"] == 0.5
    assert found["plane1/mean_iou"] == 0.4
