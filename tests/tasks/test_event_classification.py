"""Losses and counts of two events, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from nuweave.config.models import ResNetConfig
from nuweave.config.tasks import EventClassificationConfig
from nuweave.models import Logits, build_network
from nuweave.tasks import TaskError, make_task, mean_loss
from tests.tasks.batches import two_events

TRUTH = {"neutrino": [0, 2], "charged_pions": [1, -1]}
HEADS = ("neutrino", "charged_pions")


def logits() -> Logits:
    """Neutrino probabilities (.5 .25 .25) and (.2 .2 .6); charged pions (.1 .9) and (.5 .5)."""
    neutrino = torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]).log().requires_grad_()
    pions = torch.tensor([[0.1, 0.9], [0.5, 0.5]]).log().requires_grad_()
    return Logits(heads={"neutrino": neutrino, "charged_pions": pions})


def test_loss_is_the_mean_over_events_with_a_class_summed_over_heads() -> None:
    task = make_task(EventClassificationConfig(heads=HEADS, label_smoothing=0.0))
    expected = -(math.log(0.5) + math.log(0.6)) / 2 - math.log(0.9)
    loss = task.loss(logits(), two_events(labels=None, truth=TRUTH))
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-6)


def test_label_smoothing_asks_for_a_share_of_every_class() -> None:
    task = make_task(EventClassificationConfig(heads=("charged_pions",), label_smoothing=0.2))
    loss = task.loss(logits(), two_events(labels=None, truth=TRUTH))
    assert float(loss.detach()) == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1), rel=1e-6)


def test_class_weights_weigh_events_and_the_mean_is_that_of_their_weights() -> None:
    """The first event is of class 0, found with 0.5, weight 3; the second of class 2, found with 0.6, weight 1."""
    task = make_task(
        EventClassificationConfig(heads=HEADS, label_smoothing=0.0, class_weights={"neutrino": (3.0, 7.0, 1.0)})
    )
    expected = -(3 * math.log(0.5) + math.log(0.6)) / 4 - math.log(0.9)
    batch = two_events(labels=None, truth=TRUTH)
    assert task.loss_weights(batch).tolist() == [4.0, 1.0]
    loss = task.loss(logits(), batch)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-6)


def test_smoothed_and_weighted_is_the_mean_of_torch() -> None:
    weights = (3.0, 7.0, 1.0)
    task = make_task(
        EventClassificationConfig(heads=("neutrino",), label_smoothing=0.2, class_weights={"neutrino": weights})
    )
    out = logits().heads["neutrino"].detach()
    truth = torch.tensor([2, -1])
    found = task.loss(Logits(heads={"neutrino": out}), two_events(labels=None, truth={"neutrino": truth.tolist()}))
    wanted = functional.cross_entropy(out, truth, weight=torch.tensor(weights), ignore_index=-1, label_smoothing=0.2)
    assert float(found) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"class_weights": {"protons": (1, 2)}},
            r"class_weights.protons=\[1.0, 2.0\] needs 3 positive values, one a class",
        ),
        ({"class_weights": {"protons": (1, 0, 2)}}, r"needs 3 positive values, one a class; try \[1.0, 1.0, 1.0\]"),
        ({"class_weights": {"interaction": (1,) * 13}}, r"class_weights.interaction is not among heads=\['neutrino', "),
        ({"class_weights": {"neutrino": (1, 1, 1)}, "balance": "even"}, r"balance=even weighs .*; try balance: none"),
        (
            {"class_weights": {"neutrino": (1, 1, 1)}, "sites": "all", "min_neutrino_sites": 10},
            r"needs 4 positive values",  # cosmic only is the fourth
        ),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EventClassificationConfig.model_validate(settings)


def test_even_classes_count_as_much_in_total_however_rare() -> None:
    """Two events of class 0, found with 0.5 and 0.8, one of class 1, found with 0.1; class 2 is absent."""
    task = make_task(EventClassificationConfig(heads=("neutrino",), balance="even", label_smoothing=0.0))
    out = Logits(heads={"neutrino": torch.tensor([[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0.7, 0.1, 0.2]]).log()})
    loss = float(task.loss(out, two_events(labels=None, truth={"neutrino": [0, 0, 1]})))
    assert loss == pytest.approx(-((math.log(0.5) + math.log(0.8)) / 2 + math.log(0.1)) / 3, rel=1e-6)


def test_focal_weights_follow_the_probability_of_the_true_class() -> None:
    task = make_task(EventClassificationConfig(heads=("charged_pions",), balance="focal", label_smoothing=0.2))
    loss = float(task.loss(logits(), two_events(labels=None, truth=TRUTH)).detach())
    assert loss == pytest.approx(-(0.1**2) * (0.9 * math.log(0.9) + 0.1 * math.log(0.1)), rel=1e-5)


BALANCES = [
    {"balance": "none"},
    {"balance": "even"},
    {"balance": "focal"},
    {"class_weights": {"neutrino": (3.0, 7.0, 1.0), "charged_pions": (1.0, 0.5)}},
]


@pytest.mark.parametrize("balance", BALANCES, ids=["none", "even", "focal", "class_weights"])
def test_terms_of_two_ranks_add_up_to_the_loss_of_the_whole(balance: dict[str, object]) -> None:
    task = make_task(EventClassificationConfig.model_validate({"heads": HEADS, **balance}))
    out = logits()
    halves = []
    for event in (0, 1):
        truth = {head: [classes[event]] for head, classes in TRUTH.items()}
        own = Logits(heads={head: tensor[event : event + 1] for head, tensor in out.heads.items()})
        batch = two_events(labels=None, truth=truth)
        halves.append((task.loss_sums(own, batch).detach(), task.loss_weights(batch)))
    total = mean_loss(halves[0][0] + halves[1][0], halves[0][1] + halves[1][1])
    whole = task.loss(out, two_events(labels=None, truth=TRUTH))
    assert float(total) == pytest.approx(float(whole.detach()), rel=1e-6)


@pytest.mark.parametrize("balance", BALANCES, ids=["none", "even", "focal", "class_weights"])
def test_a_head_without_any_class_adds_nothing_but_still_gives_gradients(balance: dict[str, object]) -> None:
    settings = {"heads": HEADS, "label_smoothing": 0.1, **balance}
    task = make_task(EventClassificationConfig.model_validate(settings))
    batch = two_events(labels=None, truth={"neutrino": [-1, -1], "charged_pions": [-1, -1]})
    out = logits()
    loss = task.loss(out, batch)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    for head in HEADS:
        grad = out.heads[head].grad
        assert grad is not None
        assert not grad.any()


def test_metrics_count_only_events_with_a_class() -> None:
    task = make_task(EventClassificationConfig(heads=HEADS))
    counts = task.counts(logits(), two_events(labels=None, truth={"neutrino": [0, 1], "charged_pions": [1, -1]}))
    assert counts["neutrino/confusion"].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert counts["neutrino/calibration"].dtype == torch.float64
    expected = {
        "accuracy": 0.75,
        "neutrino/accuracy": 0.5,
        "charged_pions/accuracy": 1.0,
        "balanced_accuracy": 0.75,
        "neutrino/balanced_accuracy": 0.5,
        "charged_pions/balanced_accuracy": 1.0,
        "calibration_error": 0.325,
        "neutrino/calibration_error": (0.5 + 0.6) / 2,  # right at 0.5, wrong at 0.6
        "charged_pions/calibration_error": 0.1,
    }
    metrics = task.metrics(counts)
    assert list(metrics) == list(expected)
    assert metrics == pytest.approx(expected)
    assert task.metrics({head: torch.zeros_like(table) for head, table in counts.items()}) == {}


def test_predictions_hold_truth_and_probabilities() -> None:
    task = make_task(EventClassificationConfig(heads=HEADS))
    out = Logits(heads={head: tensor.detach() for head, tensor in logits().heads.items()})
    table = task.predictions(out, two_events(labels=None, truth=TRUTH))
    assert table["neutrino_true"].tolist() == [0, 2]
    assert table["charged_pions_true"].tolist() == [1, -1]
    assert table["neutrino_prob2"].tolist() == pytest.approx([0.25, 0.6])
    assert "neutrino_true" not in task.predictions(out, two_events(labels=None))
    assert "prob0" not in task.site_predictions(out, two_events(labels=None))


def test_neutrino_sites_are_selected_by_label_and_an_event_may_have_none() -> None:
    task = make_task(EventClassificationConfig())
    batch = task.prepare(two_events(labels=[0, 1, 2, 2]))
    assert batch.sites_N.tolist() == [2, 3]
    assert batch.num_events == 2
    with pytest.raises(TaskError, match=r"task\.sites=neutrino needs site labels"):
        task.prepare(two_events(labels=None))


def test_events_with_too_few_neutrino_sites_are_cosmic_only() -> None:
    """One neutrino site in the first event, none in the second, whose class was unknown, and two in the third."""
    task = make_task(EventClassificationConfig(sites="all", heads=HEADS, min_neutrino_sites=2))
    batch = replace(
        two_events(
            labels=[2, 1, 1, 2, 2],
            sites=[0, 5, 2, 3, 4],
            images=[0, 0, 1, 2, 2],
            truth={"neutrino": [0, -1, 1], "charged_pions": [1, -1, 0]},
        ),
        num_events=3,
        event_ids_B3=torch.zeros(3, 3, dtype=torch.int64),
    )
    out = Logits(heads={"neutrino": torch.zeros(3, 4), "charged_pions": torch.zeros(3, 2)})
    table = task.predictions(out, batch)
    assert table["neutrino_true"].tolist() == [3, 3, 1]
    assert table["charged_pions_true"].tolist() == [1, -1, 0]
    assert task.counts(out, batch)["neutrino/confusion"].sum(dim=1).tolist() == [0, 1, 0, 2]
    blind = replace(batch, labels_N=None)
    assert "neutrino_true" not in task.predictions(out, blind)
    with pytest.raises(TaskError, match=r"task\.min_neutrino_sites .* the file has none; set it to 0"):
        task.loss(out, blind)


def test_cosmic_only_events_need_the_sites_of_cosmics() -> None:
    with pytest.raises(ValidationError, match="min_neutrino_sites=10 needs sites: all and the head neutrino"):
        EventClassificationConfig(min_neutrino_sites=10)
    with pytest.raises(ValidationError, match="needs sites: all and the head neutrino"):
        EventClassificationConfig(sites="all", heads=("protons",), min_neutrino_sites=10)
    task = make_task(EventClassificationConfig(sites="all", min_neutrino_sites=10))
    network = build_network(
        ResNetConfig(num_filters=2, blocks=(1, 1), num_features=4), task.outputs, num_planes=1, shape=(4, 4)
    )
    assert task.forward(network, two_events(labels=None)).heads["neutrino"].shape == (2, 4)


def test_a_head_that_the_file_lacks_is_named() -> None:
    task = make_task(EventClassificationConfig(heads=HEADS))
    with pytest.raises(TaskError, match=r"no truth for charged_pions \(it has neutrino\)"):
        task.loss(logits(), two_events(labels=None, truth={"neutrino": [0, 1]}))


@pytest.mark.parametrize("labels", [[2, 2, 2, 2], [2, 2, 0, 0], [0, 0, 0, 0]])
def test_every_parameter_gets_a_gradient_however_few_sites_are_left(labels: list[int]) -> None:
    torch.manual_seed(0)
    task = make_task(EventClassificationConfig(heads=HEADS))
    batch = task.prepare(two_events(labels=labels, truth=TRUTH))
    network = build_network(
        ResNetConfig(num_filters=2, blocks=(1, 1), num_features=4), task.outputs, num_planes=1, shape=(4, 4)
    )
    loss = task.loss(task.forward(network, batch), batch)
    torch.autograd.backward(loss)
    assert bool(loss.isfinite())
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
