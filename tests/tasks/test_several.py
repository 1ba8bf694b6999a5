"""Sites, vertex and event of two events at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from nuweave.config.models import UResNetConfig
from nuweave.config.tasks import SeveralConfig
from nuweave.loader import SparseBatch
from nuweave.models import Logits, build_network
from nuweave.tasks import TaskError, make_task
from tests.tasks.batches import two_events

PARTS: dict[str, dict[str, object]] = {
    "sites": {"kind": "segmentation", "balance": "light"},
    "vertex": {"kind": "vertex", "anchor_stride": 2, "num_filters": 4, "num_blocks": 1},
    "event": {"kind": "event_classification", "sites": "all", "heads": ["neutrino"], "label_smoothing": 0.0},
}


def several(*names: str, **weights: float) -> Any:
    tasks = {name: PARTS[name] for name in names or PARTS}
    return make_task(SeveralConfig.model_validate({"tasks": tasks, "weights": weights}))


def batch() -> SparseBatch:
    one = two_events(labels=[0, 1, 2, 1], truth={"neutrino": [0, 2]})
    return replace(one, vertex_BP=torch.tensor([[5], [-1]]))


def logits() -> Logits:
    torch.manual_seed(0)
    return Logits(torch.randn(4, 3), {"neutrino": torch.randn(2, 3)}, torch.randn(2, 3, 2, 2))


def test_the_loss_is_the_weighted_sum_of_the_losses_of_the_tasks() -> None:
    alone = {name: float(part.loss(logits(), batch())) for name, part in several().parts.items()}
    assert float(several().loss(logits(), batch())) == pytest.approx(sum(alone.values()), rel=1e-6)
    weighted = several(event=0.01, vertex=2.0)
    expected = alone["sites"] + 2 * alone["vertex"] + 0.01 * alone["event"]
    assert float(weighted.loss(logits(), batch())) == pytest.approx(expected, rel=1e-6)


def test_a_network_is_asked_for_what_any_task_needs() -> None:
    outputs = several().outputs
    assert (outputs.site_classes, outputs.event_classes) == (3, {"neutrino": 3})
    assert outputs.anchors is not None
    assert outputs.anchors.stride == 2
    assert several("vertex", "event").outputs.site_classes == 0
    assert several("sites", "event").outputs.anchors is None


def test_counts_metrics_and_the_primary_one_carry_the_name_of_their_task() -> None:
    task = several("vertex", "sites", "event")
    metrics = task.metrics(task.counts(logits(), batch()))
    for name, part in task.parts.items():
        alone = part.metrics(part.counts(logits(), batch()))
        assert {key: value for key, value in metrics.items() if key.startswith(f"{name}/")} == {
            f"{name}/{key}": value for key, value in alone.items()
        }
    assert task.primary_metric == "vertex/box_accuracy"
    assert task.primary_metric in metrics


def test_predictions_are_one_table_without_a_column_twice() -> None:
    table = several().predictions(logits(), batch())
    assert list(table.columns[:3]) == ["run", "subrun", "event"]
    assert table.columns.is_unique
    assert {"plane0_true0_pred0", "plane0_vertex_score", "plane0_vertex_true_axis1", "neutrino_prob2"} <= set(table)
    assert table[["run", "subrun", "event"]].to_numpy().tolist() == [[7, 0, 1], [7, 0, 2]]


def test_site_predictions_are_those_of_the_segmentation_wherever_it_stands() -> None:
    assert "prob2" in several("vertex", "sites").site_predictions(logits(), batch())
    assert "prob2" not in several("vertex", "event").site_predictions(logits(), batch())


@pytest.mark.parametrize("names", [("sites", "vertex", "event"), ("vertex", "event"), ("sites", "event")])
def test_one_network_trains_for_all_tasks(names: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    task = several(*names)
    config = UResNetConfig(num_filters=2, depth=1, blocks_deepest=1, bottleneck=4)
    network = build_network(config, task.outputs, num_planes=1, shape=(4, 4))
    prepared = task.prepare(batch())
    torch.autograd.backward(task.loss(task.forward(network, prepared), prepared))
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name


def test_missing_truth_of_one_task_is_named() -> None:
    with pytest.raises(TaskError, match=r"task\.kind=vertex learns from the neutrino vertex, the file has none"):
        several().loss(logits(), replace(batch(), vertex_BP=None))
