"""Losses and counts of four sites, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nuweave.config.models import UResNetConfig
from nuweave.config.tasks import SegmentationConfig
from nuweave.loader import SparseBatch
from nuweave.models import Logits, build_network
from nuweave.tasks import Task, TaskError, make_task, mean_loss
from tests.tasks.batches import two_events

LABELS = [0, 1, 2, 1]


def logits_of(prob_N: list[float], labels: list[int] = LABELS) -> Logits:
    """Logits that give the true class of site n the probability prob_N[n], the others the rest in equal parts."""
    prob_NK = torch.tensor(
        [[p if k == label else (1 - p) / 2 for k in range(3)] for p, label in zip(prob_N, labels, strict=True)]
    )
    return Logits(prob_NK.log().requires_grad_())


PROB = [0.5, 0.8, 0.4, 0.9]
MINUS_LOG = [-math.log(p) for p in PROB]
WEIGHTS = [1.0, 1.5, 10.0, 1.5]


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        ("none", sum(MINUS_LOG) / 4),
        ("light", sum(w * x for w, x in zip(WEIGHTS, MINUS_LOG, strict=True)) / 14),
        ("mild", (MINUS_LOG[0] + 1.2 * MINUS_LOG[1] + 3.2 * MINUS_LOG[2] + 1.2 * MINUS_LOG[3]) / 6.6),
        ("even", (MINUS_LOG[0] + (MINUS_LOG[1] + MINUS_LOG[3]) / 2 + MINUS_LOG[2]) / 3),
        ("focal", sum((1 - p) ** 2 * x for p, x in zip(PROB, MINUS_LOG, strict=True)) / 4),
    ],
)
def test_loss_is_the_weighted_mean_of_minus_log_probability(balance: str, expected: float) -> None:
    task = make_task(SegmentationConfig.model_validate({"balance": balance}))
    assert float(task.loss(logits_of(PROB), two_events(labels=LABELS)).detach()) == pytest.approx(expected, rel=1e-6)


def test_a_focal_loss_is_divided_by_sites_or_by_its_weights() -> None:
    weights = [(1 - p) ** 2 for p in PROB]
    total = sum(w * x for w, x in zip(weights, MINUS_LOG, strict=True))
    for mean, divisor in (("sites", 4), ("weights", sum(weights))):
        task = make_task(SegmentationConfig.model_validate({"balance": "focal", "focal_mean": mean}))
        loss = float(task.loss(logits_of(PROB), two_events(labels=LABELS)).detach())
        assert loss == pytest.approx(total / divisor, rel=1e-6)


@pytest.mark.parametrize("mean", ["sites", "weights"])
def test_the_gradient_of_a_focal_loss_passes_its_weights_or_not(mean: str) -> None:
    """One site found with probability p: the loss is q^2 (-log p) over 1 or q^2, q = 1 - p, and dp/dlogit = p q."""
    p, q = 0.8, 0.2
    divisor = 1.0 if mean == "sites" else q**2
    for gradient, slope in (("entropy", -(q**2) / p), ("full", -(q**2) / p + 2 * q * math.log(p))):
        settings = {"balance": "focal", "focal_mean": mean, "focal_gradient": gradient}
        task = make_task(SegmentationConfig.model_validate(settings))
        logits_NK = torch.tensor([[0.1, 0.8, 0.1]]).log().requires_grad_()
        torch.autograd.backward(task.loss(Logits(logits_NK), two_events(labels=[1], sites=[0], images=[0])))
        assert logits_NK.grad is not None
        assert float(logits_NK.grad[0, 1]) == pytest.approx(slope * p * q / divisor, rel=1e-5)


def test_focal_losses_of_full_images_are_those_of_the_reference() -> None:
    """CosmicTagger weights every pixel with the mean over classes of onehot * (1 - softmax)^2 and adds up planes."""
    torch.manual_seed(0)
    logits_NK, labels_N = torch.randn(48, 3), torch.randint(3, (48,))
    batch = two_events(
        labels=labels_N.tolist(), sites=[*range(8)] * 6, images=[i // 8 for i in range(48)], num_planes=3
    )
    onehot_NK = torch.nn.functional.one_hot(labels_N, 3)
    weight_N = (onehot_NK * (1 - logits_NK.softmax(dim=1)) ** 2).mean(dim=1)
    product_N = weight_N * torch.nn.functional.cross_entropy(logits_NK, labels_N, reduction="none")
    new = sum(float(product_N[batch.planes_N == plane].mean()) for plane in range(3))
    old = float(product_N.sum() / weight_N.sum())  # of one plane
    for mean, expected in (("sites", new), ("weights", old)):
        settings = {"balance": "focal", "focal_mean": mean, "focal_gradient": "entropy"}
        task = make_task(SegmentationConfig.model_validate(settings))
        assert float(task.loss(Logits(logits_NK), batch)) == pytest.approx(expected, rel=1e-6)


SCHEMES = ["none", "mild", "light", "even", "focal"]


@pytest.mark.parametrize("balance", SCHEMES)
def test_absent_classes_leave_the_loss_finite(balance: str) -> None:
    task = make_task(SegmentationConfig.model_validate({"balance": balance}))
    logits = logits_of(PROB, [1] * 4)
    loss = task.loss(logits, two_events(labels=[1] * 4))
    torch.autograd.backward(loss)
    assert math.isfinite(float(loss.detach()))
    assert logits.sites_NK.grad is not None
    assert bool(logits.sites_NK.grad.isfinite().all())
    if balance == "even":
        assert float(loss.detach()) == pytest.approx(sum(MINUS_LOG) / 4 / 3, rel=1e-6)


def halves(task: Task, logits: Logits, batch: SparseBatch) -> tuple[Tensor, Tensor]:
    """Sums and weights of the first event, and of the second, added up."""
    kept = [batch.events_N == event for event in (0, 1)]
    sums = [task.loss_sums(Logits(logits.sites_NK[keep]), batch.select(keep)).detach() for keep in kept]
    weights = [task.loss_weights(batch.select(keep)) for keep in kept]
    return sums[0] + sums[1], weights[0] + weights[1]


@pytest.mark.parametrize("balance", SCHEMES)
def test_terms_of_two_ranks_add_up_to_the_loss_of_the_whole(balance: str) -> None:
    task = make_task(SegmentationConfig.model_validate({"balance": balance}))
    batch, logits = two_events(labels=LABELS), logits_of(PROB)
    total = mean_loss(*halves(task, logits, batch))
    assert float(total) == pytest.approx(float(task.loss(logits, batch).detach()), rel=1e-6)


def test_a_focal_loss_by_its_weights_is_the_mean_over_ranks_by_their_sites() -> None:
    task = make_task(SegmentationConfig.model_validate({"balance": "focal", "focal_mean": "weights"}))
    batch, logits = two_events(labels=LABELS), logits_of(PROB)
    weights = [(1 - p) ** 2 for p in PROB]
    expected = 0.0
    for event in (0, 1):
        own = [site for site in range(4) if batch.events_N[site] == event]
        by_weight = sum(weights[site] * MINUS_LOG[site] for site in own) / sum(weights[site] for site in own)
        expected += by_weight * len(own) / 4
    assert float(mean_loss(*halves(task, logits, batch))) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("balance", SCHEMES)
def test_no_sites_means_no_loss_and_no_nan(balance: str) -> None:
    task = make_task(SegmentationConfig.model_validate({"balance": balance}))
    logits = Logits(torch.zeros(0, 3, requires_grad=True))
    loss = task.loss(logits, two_events(labels=[], sites=[], images=[]))
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert logits.sites_NK.grad is not None


def one_hot(classes: list[int]) -> Logits:
    return Logits(torch.nn.functional.one_hot(torch.tensor(classes), 3).float())


def test_metrics_of_sites_counted_by_hand() -> None:
    """Truth 0 1 2 1, found 0 1 1 2: cosmic 1 of 3 in the union, neutrino 0 of 2, half of all sites are right.

    The two images have 16 pixels each, 28 are not stored. The first is right; the second has IoU 14/14, 0/2 and 0/2.
    """
    task = make_task(SegmentationConfig())
    batch = two_events(labels=LABELS)
    counts = task.counts(one_hot([0, 1, 1, 2]), batch)
    assert counts["confusion"].tolist() == [[[1, 0, 0], [0, 1, 1], [0, 1, 0]]]
    assert counts["confusion"].dtype == torch.float64
    expected = {
        "mean_iou": 1 / 6,
        "cosmic_iou": 1 / 3,
        "neutrino_iou": 0,
        "background_iou_sites": 1,
        "accuracy_sites": 1 / 2,
        "nonbackground_accuracy": 1 / 3,
        "mean_iou_with_background": 4 / 9,
        "background_iou": 1,
        "accuracy": 30 / 32,
        "image_mean_iou": 1 / 2,
        "image_cosmic_iou": 1 / 2,
        "image_neutrino_iou": 1 / 2,
        "image_nonbackground_accuracy": 1 / 2,
        "image_mean_iou_with_background": 2 / 3,
        "image_background_iou": 1,
    }
    expected |= {f"plane0/{name}": value for name, value in expected.items()}
    metrics = task.metrics(counts)
    assert list(metrics) == list(expected)
    assert metrics == pytest.approx(expected)
    assert task.primary_metric in metrics


def test_a_selection_of_sites_says_nothing_about_the_other_pixels() -> None:
    task = make_task(SegmentationConfig(sites="neutrino"))
    batch = task.prepare(two_events(labels=LABELS))
    metrics = task.metrics(task.counts(one_hot([2]), batch))
    assert metrics["neutrino_iou"] == 1
    assert not {"accuracy", "background_iou", "mean_iou_with_background", "image_background_iou"} & set(metrics)


def test_counts_add_up_over_batches_and_keep_planes_apart() -> None:
    task = make_task(SegmentationConfig())
    batch = two_events(labels=LABELS, images=[0, 1, 2, 3], num_planes=2)
    counts = task.counts(one_hot([0, 1, 1, 2]), batch)["confusion"]
    assert counts.shape == (2, 3, 3)
    assert counts[0].tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    halves = [
        task.counts(Logits(one_hot([0, 1, 1, 2]).sites_NK[keep]), batch.select(keep))["confusion"]
        for keep in (batch.events_N == 0, batch.events_N == 1)
    ]
    assert torch.equal(halves[0] + halves[1], counts)


def test_a_metric_of_nothing_is_left_out() -> None:
    task = make_task(SegmentationConfig())
    counts = task.counts(one_hot([0, 1, 1, 2]), two_events(labels=LABELS))
    metrics = task.metrics({name: torch.zeros_like(table) for name, table in counts.items()})
    assert {name for name in metrics if "/" not in name} == {
        "mean_iou",
        "cosmic_iou",
        "neutrino_iou",
        "background_iou_sites",
        "mean_iou_with_background",
        "background_iou",
    }
    assert set(metrics.values()) == {1.0}


def test_predictions_count_sites_an_event_and_a_plane() -> None:
    table = make_task(SegmentationConfig()).predictions(one_hot([0, 1, 1, 2]), two_events(labels=LABELS))
    assert table[["run", "subrun", "event"]].to_numpy().tolist() == [[7, 0, 1], [7, 0, 2]]
    assert table.loc[0, ["plane0_true0_pred0", "plane0_true1_pred1"]].to_numpy().tolist() == [1, 1]
    assert table.loc[1, ["plane0_true2_pred1", "plane0_true1_pred2"]].to_numpy().tolist() == [1, 1]
    assert table.filter(like="plane").to_numpy().sum() == 4


def test_site_predictions_hold_probabilities_beside_the_truth() -> None:
    sites = make_task(SegmentationConfig()).site_predictions(
        Logits(logits_of(PROB).sites_NK.detach()), two_events(labels=LABELS)
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
    network = build_network(config, task.outputs, num_planes=1, shape=(4, 4))
    torch.autograd.backward(task.loss(task.forward(network, batch), batch))
    grads: dict[str, Tensor | None] = {name: p.grad for name, p in network.named_parameters()}
    assert not [name for name, grad in grads.items() if grad is None]
