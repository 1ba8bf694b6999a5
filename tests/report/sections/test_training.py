"""What the training part shows first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.sections.training import training_part

SHARES = (0.75, 0.25)


def profile_of(device: str) -> dict[str, Any]:
    rows = [
        {"operation": f"aten::op{share}", "calls": 2.5, "self_cpu_ms": 1.5, "self_device_ms": 3.0, "share": share}
        for share in SHARES
    ]
    return {"steps": 5, "device": device, "rows": rows}


def test_curves_of_several_tasks_begin_with_what_decides_each(several_config: Config) -> None:
    path = several_config.root / "models" / "all" / "metrics.jsonl"
    names = ["sites/accuracy", "sites/mean_iou", "vertex/box_accuracy", "event/neutrino/accuracy"]
    metrics = ", ".join(f'"{name}": 0.5' for name in names)
    path.write_text(path.read_text() + f'{{"step": 50, "part": "val", "loss": 0.1, {metrics}}}\n')
    with page_style():
        (block,) = training_part(gather(several_config)).blocks
    shown = block.pictures[1].caption
    order = [
        shown.index(words) for words in ("mean IoU", "vertex: box accuracy", "neutrino: accuracy", "sites: accuracy")
    ]
    assert order == sorted(order)


def test_gradient_and_memory_are_no_metrics_and_have_a_figure_of_their_own(config: Config) -> None:
    path = config.root / "models" / "tagger" / "metrics.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    more = {"gradient_norm": 0.5, "epoch": 0.1, "memory_gb": 0.75, "device_memory_gb": 0.25}
    path.write_text("".join(f"{json.dumps(one | (more if one['part'] == 'train' else {}))}\n" for one in records))
    with page_style():
        tagger, classifier = training_part(gather(config)).blocks
    captions = [picture.caption for picture in tagger.pictures]
    assert captions[1] == "Metrics on validation events; last: mean IoU 0.600."
    assert captions[3] == "Norm of the gradient before it was clipped, and memory that rank 0 uses."
    assert tagger.facts["memory of rank 0 (most)"] == "0.75 GB"
    assert tagger.facts["memory of its GPU (most)"] == "0.25 GB"
    assert len(classifier.pictures) == len(tagger.pictures) - 1  # a history that older releases wrote


@pytest.mark.parametrize(("device", "times"), [("cpu", ["CPU [ms]"]), ("cuda", ["CPU [ms]", "device [ms]"])])
def test_a_profile_is_a_table_that_says_where_the_trace_is(config: Config, device: str, times: list[str]) -> None:
    path = config.root / "models" / "tagger" / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["model"]["training"] = {"profile": profile_of(device)}
    path.write_text(json.dumps(metrics))
    with page_style():
        tagger, classifier = training_part(gather(config)).blocks
    (grid,) = tagger.grids
    assert grid.head == ["operation", "calls", *times, "share"]
    assert grid.rows[0] == ["aten::op0.75", "2.5", "1.500", *["3.000"][: len(times) - 1], "75.0%"]
    assert "Profile of 5 steps" in grid.caption
    assert grid.caption.endswith("runs/tagger/profile/trace.json.gz")
    assert not classifier.grids
