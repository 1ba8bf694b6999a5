"""Segmentation metrics on counts that fit on paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nuweave.evaluate.segmentation import event_score, segmentation_metrics, site_counts

# one event, one plane; rows are the truth: background, cosmic, neutrino
COUNTS = np.array([[[[5, 1, 0], [2, 6, 2], [0, 1, 3]]]])
ONE = np.ones((1, 1))


def test_counts_come_back_from_the_columns() -> None:
    columns = {f"plane0_true{true}_pred{kind}": [COUNTS[0, 0, true, kind]] for true in range(3) for kind in range(3)}
    counts = site_counts(pd.DataFrame(columns), num_planes=1)
    assert counts is not None
    assert np.array_equal(counts, COUNTS)


def test_table_without_truth_has_no_counts() -> None:
    assert site_counts(pd.DataFrame({"run": [0]}), num_planes=1) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy_sites", 14 / 20),
        ("accuracy", 94 / 100),  # 80 pixels are not stored: background, and right
        ("background_iou_sites", 5 / 8),
        ("background_iou", 85 / 88),
        ("cosmic_iou", 6 / 12),
        ("neutrino_iou", 3 / 6),
        ("mean_iou", 0.5),
        ("mean_iou_with_background", (85 / 88 + 1) / 3),
        ("nonbackground_accuracy", 9 / 14),
        ("image_cosmic_iou", 0.5),
        ("image_neutrino_iou", 0.5),
        ("image_mean_iou", 0.5),
        ("image_background_iou", 85 / 88),
        ("image_mean_iou_with_background", (85 / 88 + 1) / 3),
        ("image_nonbackground_accuracy", 9 / 14),
    ],
)
def test_metric_by_hand(name: str, value: float) -> None:
    assert segmentation_metrics(COUNTS, ONE, num_pixels=100)[name][0, 0] == pytest.approx(value)


def test_image_metrics_are_means_of_ratios_and_pooled_ones_ratios_of_sums() -> None:
    empty = np.zeros_like(COUNTS)
    empty[..., 0, 0] = 10
    metrics = segmentation_metrics(np.concatenate([COUNTS, empty]), np.ones((1, 2)), num_pixels=None)
    assert metrics["image_cosmic_iou"][0, 0] == pytest.approx((0.5 + 1) / 2)  # nothing there, nothing found: 1
    assert metrics["cosmic_iou"][0, 0] == 0.5
    assert metrics["image_nonbackground_accuracy"][0, 0] == pytest.approx(9 / 14)  # the empty image does not count


def test_selected_sites_have_no_dense_metrics() -> None:
    metrics = segmentation_metrics(COUNTS, ONE, num_pixels=None)
    assert "accuracy" not in metrics
    assert "background_iou" not in metrics


def test_weights_repeat_events() -> None:
    other = COUNTS[:, :, [0, 2, 1]]
    both = np.concatenate([COUNTS, other])
    repeated = np.concatenate([COUNTS, COUNTS, other])
    weighted = segmentation_metrics(both, np.array([[2.0, 1.0]]), num_pixels=50)
    unrolled = segmentation_metrics(repeated, np.ones((1, 3)), num_pixels=50)
    for name, values in unrolled.items():
        assert weighted[name] == pytest.approx(values), name


def test_event_score_is_one_for_a_perfect_event() -> None:
    assert event_score(np.eye(3, dtype=np.int64)[None, None] * 4).tolist() == [1.0]
    assert event_score(COUNTS).tolist() == [0.5]
