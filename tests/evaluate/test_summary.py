"""What metrics.json says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nuweave.evaluate.baselines import sum_sites
from nuweave.evaluate.estimate import event_weights
from nuweave.evaluate.summary import classification_summary, segmentation_summary

HEADS = {"neutrino": ("nue", "numu", "nc"), "protons": ("0", "1")}


def segmentation(*, right: bool, num_events: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events of 4 background, 3 cosmic and 2 neutrino sites of the same value, all found or all called background."""
    events = pd.DataFrame({"run": 0, "subrun": 0, "event": range(num_events)})
    label = np.array([0] * 4 + [1] * 3 + [2] * 2)
    sites = pd.concat(
        [
            pd.DataFrame(
                {
                    **{"run": 0, "subrun": 0, "event": event, "plane": 0, "site": 0, "value": 1.0, "label": label},
                    "prob2": (label == 2) * 0.8 if right else 0.1,
                }
            )
            for event in range(num_events)
        ]
    )
    for true, count in enumerate((4, 3, 2)):
        for predicted in range(3):
            events[f"plane0_true{true}_pred{predicted}"] = count if predicted == (true if right else 0) else 0
    return events, sites


def summary_of_sites(*, right: bool, num_events: int = 6) -> dict[str, Any]:
    events, sites = segmentation(right=right, num_events=num_events)
    sums = sum_sites(sites, events, num_planes=1)
    return segmentation_summary(events, sums, event_weights(num_events, 10, 0), num_planes=1, num_pixels=100)


def test_perfect_labels_beat_every_baseline() -> None:
    summary = summary_of_sites(right=True)
    primary = summary["metrics"]["mean_iou"]
    assert primary["value"] == 1
    assert primary["error"] == 0
    assert primary["best_baseline"] == "all_cosmic"
    assert primary["margin"] == pytest.approx(1 - (3 / 9) / 2)
    assert summary["beats_baselines"] is True
    assert summary["metrics"]["neutrino_auc"]["value"] == 1
    assert summary["confusion"]["plane0"]["counts"] == [[24, 0, 0], [0, 18, 0], [0, 0, 12]]


def test_all_background_beats_nothing_although_its_accuracy_is_high() -> None:
    summary = summary_of_sites(right=False)
    assert summary["metrics"]["accuracy"]["value"] == 0.95
    assert summary["metrics"]["accuracy"]["margin"] <= 0
    assert summary["beats_baselines"] is False


def test_two_events_are_enough() -> None:
    assert summary_of_sites(right=True, num_events=2)["beats_baselines"] is True


def test_file_without_site_labels_has_no_metrics_but_a_reason() -> None:
    events, sites = segmentation(right=True)
    sums = sum_sites(sites.assign(label=-1), events, num_planes=1)
    summary = segmentation_summary(events.iloc[:, :3], sums, np.ones((1, 6)), num_planes=1, num_pixels=100)
    assert summary["metrics"] == {}
    assert summary["beats_baselines"] is None
    assert "no site labels" in summary["not_available"]["mean_iou"]


def classification(truth: dict[str, list[int]]) -> dict[str, Any]:
    """Ten events, class k of each head predicted with certainty 0.8 for event k modulo the classes."""
    num_events = 10
    table = pd.DataFrame(
        {"run": 0, "subrun": 0, "event": range(num_events), "plane": 0, "site": 0, "value": 1.0, "label": -1}
    )
    sums = sum_sites(table, table, num_planes=1)
    for head, names in HEADS.items():
        chosen = np.arange(num_events) % len(names)
        for label in range(len(names)):
            table[f"{head}_prob{label}"] = np.where(chosen == label, 0.8, 0.2 / (len(names) - 1))
        if head in truth:
            table[f"{head}_true"] = truth[head]
    return classification_summary(table, sums, event_weights(num_events, 10, 0), classes=HEADS)


def test_each_head_and_their_mean_are_reported() -> None:
    summary = classification({"neutrino": [i % 3 for i in range(10)], "protons": [0] * 5 + [1] * 5})
    metrics = summary["metrics"]
    assert metrics["neutrino/accuracy"]["value"] == 1
    assert metrics["protons/accuracy"]["value"] == 0.6  # 3 of the five even, 3 of the five odd
    assert metrics["accuracy"]["value"] == pytest.approx(0.8)
    assert metrics["neutrino/accuracy"]["baselines"]["majority_class"]["value"] == 0.4
    assert summary["primary"] == ["neutrino/accuracy", "protons/accuracy"]
    assert metrics["neutrino/log_loss"]["value"] == pytest.approx(-np.log(0.8))
    assert not metrics["neutrino/log_loss"]["larger_is_better"]
    assert summary["confusion"]["neutrino"]["counts"] == [[4, 0, 0], [0, 3, 0], [0, 0, 3]]
    assert [curve["class"] for curve in summary["roc"]] == ["nue", "numu", "nc", "0", "1"]


def test_head_without_truth_is_named_with_its_reason() -> None:
    summary = classification({"neutrino": [i % 3 for i in range(10)]})
    assert "protons" in summary["not_available"]
    assert "protons/accuracy" not in summary["metrics"]
    assert summary["beats_baselines"] is True


def test_single_class_has_no_roc_but_an_accuracy() -> None:
    summary = classification({"protons": [1] * 10})
    assert "protons/auc" in summary["not_available"]
    assert summary["metrics"]["protons/accuracy"]["value"] == 0.5
    assert summary["beats_baselines"] is False


def test_summary_is_plain_json() -> None:
    for summary in (summary_of_sites(right=True), classification({"protons": [1] * 10})):
        assert json.loads(json.dumps(summary, allow_nan=False)) is not None
