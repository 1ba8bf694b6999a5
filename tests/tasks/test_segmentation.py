"""Losses and counts of four sites, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nuweave.config.models import UResNetConfig
from nuweave.config.tasks import SegmentationConfig
from nuweave.models import SegmentationLogits
from nuweave.tasks import TaskError, make_task
from tests.tasks.batches import two_events

LABELS = [0, 1, 2, 1]


def logits_of(prob_N: list[float], labels: list[int] = LABELS) -> SegmentationLogits:
    """Logits that give the true class of site n the probability prob_N[n], the others the rest in equal parts."""
    prob_NK = torch.tensor(
        [[p if k == label else (1 - p) / 2 for k in range(3)] for p, label in zip(prob_N, labels, strict=True)]
    )
    return SegmentationLogits(prob_NK.log().requires_grad_())


PROB = [0.5, 0.8, 0.4, 0.9]
MINUS_LOG = [-math.log(p) for p in PROB]
WEIGHTS = [1.0, 1.5, 10.0, 1.5]


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        ("none", sum(MINUS_LOG) / 4),
        ("light", sum(w * x for w, x in zip(WEIGHTS, MINUS_LOG, strict=True)) / 14),
        ("focal", sum((1 - p) ** 2 * x for p, x in zip(PROB, MINUS_LOG, strict=True)) / 4),
    ],
)
def test_loss_is_the_weighted_mean_of_minus_log_probability(balance: str, expected: float) -> None:
    task = make_task(SegmentationConfig.model_validate({"balance": balance}))
    assert float(task.loss(logits_of(PROB), two_events(labels=LABELS)).detach()) == pytest.approx(expected, rel=1e-6)


def test_terms_of_two_halves_add_up_to_the_loss_of_the_whole() -> None:
    task = make_task(SegmentationConfig(balance="light"))
    batch, logits = two_events(labels=LABELS), logits_of(PROB)
    halves = [
        task.loss_terms(SegmentationLogits(logits.logits_NK[keep]), batch.select(keep))
        for keep in (batch.events_N == 0, batch.events_N == 1)
    ]
    total = sum(float(half.sums_T.detach()) for half in halves) / sum(float(half.weights_T) for half in halves)
    assert total == pytest.approx(float(task.loss(logits, batch).detach()), rel=1e-6)


def test_no_sites_means_no_loss_and_no_nan() -> None:
    task = make_task(SegmentationConfig())
    logits = SegmentationLogits(torch.zeros(0, 3, requires_grad=True))
    loss = task.loss(logits, two_events(labels=[], sites=[], images=[]))
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert logits.logits_NK.grad is not None


def one_hot(classes: list[int]) -> SegmentationLogits:
    return SegmentationLogits(torch.nn.functional.one_hot(torch.tensor(classes), 3).float())


def test_metrics_of_a_confusion_counted_by_hand() -> None:
    """Truth 0 1 2 1, found 0 1 1 2: cosmic 1 of 3 in the union, neutrino 0 of 2, half of all sites are right."""
    task = make_task(SegmentationConfig())
    batch = two_events(labels=LABELS)
    counts = task.counts(one_hot([0, 1, 1, 2]), batch)
    assert counts["confusion"].tolist() == [[[1, 0, 0], [0, 1, 1], [0, 1, 0]]]
    assert counts["confusion"].dtype == torch.float64
    assert task.metrics(counts) == pytest.approx(
        {
            "mean_iou": 1 / 6,
            "cosmic_iou": 1 / 3,
            "neutrino_iou": 0,
            "background_iou_sites": 1,
            "accuracy_sites": 1 / 2,
            "nonbackground_accuracy": 1 / 3,
        }
    )
    assert task.primary_metric in task.metrics(counts)


def test_counts_add_up_over_batches_and_keep_planes_apart() -> None:
    task = make_task(SegmentationConfig())
    batch = two_events(labels=LABELS, images=[0, 1, 2, 3], num_planes=2)
    counts = task.counts(one_hot([0, 1, 1, 2]), batch)["confusion"]
    assert counts.shape == (2, 3, 3)
    assert counts[0].tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    halves = [
        task.counts(SegmentationLogits(one_hot([0, 1, 1, 2]).logits_NK[keep]), batch.select(keep))["confusion"]
        for keep in (batch.events_N == 0, batch.events_N == 1)
    ]
    assert torch.equal(halves[0] + halves[1], counts)


def test_a_metric_of_nothing_is_left_out() -> None:
    task = make_task(SegmentationConfig())
    metrics = task.metrics({"confusion": torch.zeros(1, 3, 3, dtype=torch.float64)})
    assert metrics == {"mean_iou": 1, "cosmic_iou": 1, "neutrino_iou": 1, "background_iou_sites": 1}


def test_predictions_count_sites_an_event_and_a_plane() -> None:
    table = make_task(SegmentationConfig()).predictions(one_hot([0, 1, 1, 2]), two_events(labels=LABELS))
    assert table[["run", "subrun", "event"]].to_numpy().tolist() == [[7, 0, 1], [7, 0, 2]]
    assert table.loc[0, ["plane0_true0_pred0", "plane0_true1_pred1"]].to_numpy().tolist() == [1, 1]
    assert table.loc[1, ["plane0_true2_pred1", "plane0_true1_pred2"]].to_numpy().tolist() == [1, 1]
    assert table.filter(like="plane").to_numpy().sum() == 4


def test_site_predictions_hold_probabilities_beside_the_truth() -> None:
    sites = make_task(SegmentationConfig()).site_predictions(
        SegmentationLogits(logits_of(PROB).logits_NK.detach()), two_events(labels=LABELS)
    )
    assert list(sites) == ["run", "subrun", "event", "plane", "site", "value", "label", "prob0", "prob1", "prob2"]
    assert sites["site"].tolist() == [0, 5, 2, 3]
    assert sites["event"].tolist() == [1, 1, 2, 2]
    assert sites["prob1"].tolist() == pytest.approx([0.25, 0.8, 0.3, 0.9])


def test_without_labels_predictions_work_and_the_loss_says_why_not() -> None:
    task = make_task(SegmentationConfig())
    batch = two_events(labels=None)
    assert task.predictions(one_hot([0, 1, 1, 2]), batch).to_numpy()[1].tolist() == [7, 0, 2, 0, 1, 1]
    assert task.site_predictions(one_hot([0, 1, 1, 2]), batch)["label"].tolist() == [-1] * 4
    for use in (task.loss, task.counts):
        with pytest.raises(TaskError, match="site labels, the file has none; convert"):
            use(one_hot([0, 1, 1, 2]), batch)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    task = make_task(SegmentationConfig())
    batch = two_events(labels=LABELS)
    config = UResNetConfig(num_filters=2, depth=1, blocks_deepest=1, bottleneck=4)
    network = task.build_network(config, ndim=2, num_planes=1, shape=(4, 4))
    torch.autograd.backward(task.loss(task.forward(network, batch), batch))
    grads: dict[str, Tensor | None] = {name: p.grad for name, p in network.named_parameters()}
    assert not [name for name, grad in grads.items() if grad is None]
