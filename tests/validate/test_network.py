"""Metrics of a segmentation network stand beside what they should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nuweave.config import UserError
from nuweave.validate.network import check_networks


def write(path: Path, *, kind: str = "segmentation", **values: float) -> Path:
    """A metrics.json of 2 events with an error of 0.05 on each metric."""
    metrics = {name: {"value": value, "error": 0.05, "baselines": {}} for name, value in values.items()}
    content: Mapping[str, Any] = {
        "name": path.stem, "task": {"kind": kind}, "num_events": 2, "data": "all.h5", "metrics": metrics,
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def test_cosmics_and_accuracy_have_limits_and_neutrinos_stand_beside_them(tmp_path: Path) -> None:
    good = write(tmp_path / "good.json", cosmic_iou=0.75, nonbackground_accuracy=0.9, neutrino_iou=0.4)
    bad = write(tmp_path / "bad.json", cosmic_iou=0.74, nonbackground_accuracy=0.84, neutrino_iou=0.6)
    rows = check_networks([good, bad]).rows
    assert [(row.quantity, row.value, row.low, row.held) for row in rows] == [
        ("cosmic IoU, good", 0.75, 0.75, True),
        ("accuracy of non-background sites, good", 0.9, 0.85, True),
        ("neutrino IoU, good", 0.4, None, None),
        ("cosmic IoU, bad", 0.74, 0.75, False),
        ("accuracy of non-background sites, bad", 0.84, 0.85, False),
        ("neutrino IoU, bad", 0.6, None, None),
    ]
    assert {(row.check, row.note) for row in rows} == {("network", "+- 0.05, 2 events of all.h5")}


def test_metric_that_is_not_defined_on_the_events_is_not_measured(tmp_path: Path) -> None:
    cosmic, _, neutrino = check_networks([write(tmp_path / "one.json", cosmic_iou=0.8)]).rows
    assert cosmic.held
    assert (neutrino.value, neutrino.held, neutrino.note) == (None, None, "not defined on 2 events of all.h5")


def test_without_a_network_nothing_is_measured() -> None:
    rows = check_networks([]).rows
    assert [row.low for row in rows] == [0.75, 0.85, None]
    assert {(row.value, row.held, row.note) for row in rows} == {(None, None, "not measured: give --network")}


def test_metrics_of_another_task_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"one.json: is of the task vertex; give the metrics.json that `nuweave eval"):
        check_networks([write(tmp_path / "one.json", kind="vertex")])


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_file_that_holds_no_metrics_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "none.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=r"none.json: (no such file|is no metrics.json).*; give the metrics.json"):
        check_networks([path])
