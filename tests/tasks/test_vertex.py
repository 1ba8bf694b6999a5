"""Losses, counts and places of a few images of four boxes, by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from nuweave.config.models import NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.config.tasks import VertexConfig
from nuweave.loader import SparseBatch
from nuweave.models import AnchorOutputs, Logits, Outputs, build_network
from nuweave.tasks import TaskError, make_task, mean_loss
from tests.tasks.batches import two_events

SCORES = [[0.8, 0.1, 0.2, 0.5], [0.3, 0.1, 0.2, 0.6]]  # of the four boxes of each image of 4 x 4 sites
SHARES = [[0.5, 0.75], [0.25, 0.5]]  # along each axis, in every box of an image


def task_of(**settings: Any) -> Any:
    return make_task(VertexConfig.model_validate({"anchor_stride": 2, "num_filters": 4, "num_blocks": 1, **settings}))


def batch_of(vertex: list[list[int]] | None) -> SparseBatch:
    """Two events, the site of the vertex in each plane."""
    batch = two_events(labels=None, num_planes=1 if vertex is None else len(vertex[0]))
    return replace(batch, vertex_BP=None if vertex is None else torch.tensor(vertex))


def logits_of(scores: list[list[float]] = SCORES, shares: list[list[float]] = SHARES) -> Logits:
    """A row of `scores` and `shares` an image, as logits."""
    score_IGG = torch.tensor(scores).reshape(-1, 1, 2, 2)
    share_IDGG = torch.tensor(shares)[:, :, None, None].expand(-1, 2, 2, 2)
    return Logits(anchors_IAG=torch.cat([score_IGG, share_IDGG], dim=1).logit().requires_grad_())


def focal(p: float) -> float:
    return -((1 - p) ** 2) * math.log(p)


FIRST = focal(0.8) + focal(0.9) + focal(0.8) + focal(0.5)  # the vertex in the first box
SECOND = focal(0.7) + focal(0.9) + focal(0.8) + focal(0.4)  # no vertex
SECOND_HAS = focal(0.7) + focal(0.9) + focal(0.8) + focal(0.6)  # the vertex in the last box


def test_loss_is_focal_over_all_boxes_and_the_squared_error_in_the_box_of_the_vertex() -> None:
    """Site 5 of 4 x 4 is (1, 1), the upper half of the first box: a share of 0.75 along both axes."""
    task = task_of(objectness_weight=0.1, offset_weight=2.0)
    loss = float(task.loss(logits_of(), batch_of([[5], [-1]])).detach())
    assert loss == pytest.approx(0.1 * (FIRST + SECOND) / 2 + 2.0 * 0.25**2, rel=1e-5)
    loss = float(task.loss(logits_of(), batch_of([[5], [15]])).detach())
    place = (0.25**2 + (0.75 - 0.25) ** 2 + (0.75 - 0.5) ** 2) / 2
    assert loss == pytest.approx(0.1 * (FIRST + SECOND_HAS) / 2 + 2.0 * place, rel=1e-5)


def test_two_copies_of_a_batch_have_the_loss_of_one() -> None:
    task = task_of()
    once, batch = logits_of(), batch_of([[5], [-1]])
    assert batch.vertex_BP is not None
    twice = Logits(anchors_IAG=torch.cat([once.anchors_IAG] * 2))
    double = replace(batch, num_events=4, vertex_BP=torch.cat([batch.vertex_BP] * 2))
    assert float(task.loss(twice, double).detach()) == pytest.approx(float(task.loss(once, batch).detach()), rel=1e-6)


@pytest.mark.parametrize("vertex", [[5, 15], [5, -1], [-1, -1]])
def test_terms_of_two_ranks_add_up_to_the_loss_of_the_whole(vertex: list[int]) -> None:
    task, logits = task_of(), logits_of()
    halves = []
    for event in (0, 1):
        own = Logits(anchors_IAG=logits.anchors_IAG[event : event + 1])
        batch = replace(batch_of([[vertex[event]]]), num_events=1)
        halves.append((task.loss_sums(own, batch).detach(), task.loss_weights(batch)))
    total = mean_loss(halves[0][0] + halves[1][0], halves[0][1] + halves[1][1])
    whole = task.loss(logits, batch_of([[one] for one in vertex]))
    assert float(total) == pytest.approx(float(whole.detach()), rel=1e-6)


def test_images_without_a_vertex_teach_that_every_box_is_empty() -> None:
    task, logits = task_of(objectness_weight=1.0), logits_of()
    loss = task.loss(logits, batch_of([[-1], [-1]]))
    torch.autograd.backward(loss)
    empty = sum(focal(1 - p) for row in SCORES for p in row) / 2
    assert float(loss.detach()) == pytest.approx(empty, rel=1e-5)
    assert logits.anchors_IAG.grad is not None
    assert bool((logits.anchors_IAG.grad[:, 0] > 0).all())
    assert not logits.anchors_IAG.grad[:, 1:].any()


def test_confident_logits_in_half_precision_stay_finite() -> None:
    """A wrong box at -300 and a wrong empty one at +300 cost 300 each; sigmoids of such logits are 0 and 1."""
    raw = torch.full((2, 3, 2, 2), -300.0, dtype=torch.bfloat16)
    raw[0, 0, 1, 1] = 300.0
    logits = Logits(anchors_IAG=raw.requires_grad_())
    task = task_of(objectness_weight=1.0)
    loss = task.loss(logits, batch_of([[0], [-1]]))
    torch.autograd.backward(loss)
    assert float(loss.detach()) == pytest.approx((300 + 300) / 2 + 2 * 0.25**2, rel=1e-2)
    assert raw.grad is not None
    assert bool(raw.grad.isfinite().all())


def test_the_found_place_is_the_share_of_the_best_box() -> None:
    """Boxes of 2 sites start at -0.5 and 1.5: 0.5 of the first is site 0.5, 0.25 of the second is site 2."""
    table = task_of().predictions(logits_of(), batch_of([[5], [-1]]))
    assert table[["run", "subrun", "event"]].to_numpy().tolist() == [[7, 0, 1], [7, 0, 2]]
    assert table["plane0_vertex_score"].tolist() == pytest.approx([0.8, 0.6])
    assert table["plane0_vertex_axis0"].tolist() == pytest.approx([0.5, 2.0])
    assert table["plane0_vertex_axis1"].tolist() == pytest.approx([1.0, 2.5])
    assert table["plane0_vertex_true_axis0"].tolist() == pytest.approx([1.0, math.nan], nan_ok=True)
    assert not any("true" in name for name in task_of().predictions(logits_of(), batch_of(None)))


def test_metrics_of_images_counted_by_hand() -> None:
    """A vertex in each plane of the first event: (1, 1) found at (0.5, 1), and (0, 0) found at (2, 2.5)."""
    task = task_of()
    logits = logits_of([SCORES[0], SCORES[1]] * 2, [SHARES[0], SHARES[1]] * 2)
    counts = task.counts(logits, batch_of([[5, 0], [-1, -1]]))
    assert all(table.dtype == torch.float64 and table.shape == (2,) for table in counts.values())
    metrics = task.metrics(counts)
    far = math.hypot(2.0, 2.5)
    expected = {
        "box_accuracy": (1 + 0) / 2,
        "within_box": (1 + 0) / 2,
        "distance_sites": (0.5 + far) / 2,
        "score_with_vertex": 0.7,
        "score_without_vertex": 0.7,
        "plane0/box_accuracy": 1.0,
        "plane1/distance_sites": far,
        "plane1/score_without_vertex": 0.6,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert task.primary_metric in metrics
    assert task.metrics({name: torch.zeros_like(table) for name, table in counts.items()}) == {}


def test_counts_add_up_to_what_a_loop_over_images_finds() -> None:
    rng, task = np.random.default_rng(0), task_of(anchor_stride=4)
    shape, num_images = (11, 9), 40  # grids of 3 x 3, the last boxes reach out of the image
    anchors = torch.from_numpy(rng.normal(size=(num_images, 3, 3, 3)))
    vertex = rng.integers(-30, 99, num_images).clip(-1)
    batch = replace(
        two_events(labels=None), shape=shape, num_events=num_images, vertex_BP=torch.from_numpy(vertex[:, None])
    )
    distances, right = [], 0
    for image, site in zip(anchors.numpy(), vertex, strict=True):
        if site < 0:
            continue
        box = np.array(np.unravel_index(image[0].argmax(), (3, 3)))
        share = 1 / (1 + np.exp(-image[1:, box[0], box[1]]))
        true = np.array(np.unravel_index(site, shape))
        right += bool((true // 4 == box).all())
        distances.append(np.linalg.norm((box + share) * 4 - 0.5 - true))
    metrics = task.metrics(task.counts(Logits(anchors_IAG=anchors), batch))
    assert metrics["box_accuracy"] == pytest.approx(right / len(distances))
    assert metrics["distance_sites"] == pytest.approx(np.mean(distances))
    assert metrics["within_box"] == pytest.approx(np.mean(np.array(distances) <= 4))


def test_a_certain_edge_stays_in_its_box() -> None:
    sure = Logits(anchors_IAG=torch.full((2, 3, 2, 2), 500.0))
    assert task_of().metrics(task_of().counts(sure, batch_of([[5], [0]])))["box_accuracy"] == 1


def test_a_volume_has_boxes_along_three_axes() -> None:
    """Site (1, 2, 3) of 4 x 4 x 4, in box (0, 1, 1) of boxes of two, at shares 0.75, 0.25, 0.75."""
    batch = replace(two_events(labels=None), shape=(4, 4, 4), vertex_BP=torch.tensor([[1 * 16 + 2 * 4 + 3], [-1]]))
    raw = torch.zeros(2, 4, 2, 2, 2)
    raw[:, 0] = -20.0
    raw[0, 0, 0, 1, 1] = 20.0
    raw[0, 1:, 0, 1, 1] = torch.tensor([0.75, 0.25, 0.75]).logit()
    task = task_of()
    assert float(task.loss(Logits(anchors_IAG=raw), batch)) == pytest.approx(0, abs=1e-6)
    metrics = task.metrics(task.counts(Logits(anchors_IAG=raw), batch))
    assert (metrics["box_accuracy"], metrics["distance_sites"]) == (1, pytest.approx(0, abs=1e-5))
    assert task.predictions(Logits(anchors_IAG=raw), batch)["plane0_vertex_axis2"][0] == pytest.approx(3)


def test_gradient_descent_moves_the_best_box_to_the_vertex() -> None:
    torch.manual_seed(0)
    task, batch = task_of(), batch_of([[5], [14]])
    raw = torch.zeros(2, 3, 2, 2, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.2)
    for _ in range(100):
        optimiser.zero_grad()
        torch.autograd.backward(task.loss(Logits(anchors_IAG=raw), batch))
        optimiser.step()
    metrics = task.metrics(task.counts(Logits(anchors_IAG=raw), batch))
    assert metrics["box_accuracy"] == 1
    assert metrics["distance_sites"] < 0.1


def test_what_is_asked_of_a_network() -> None:
    outputs = task_of(anchor_stride=8, detach=True).outputs
    assert outputs == Outputs(anchors=AnchorOutputs(stride=8, num_filters=4, num_blocks=1, detach=True))


def test_a_file_without_vertices_is_refused_and_predicted() -> None:
    batch, logits = batch_of(None), logits_of()
    for use in (task_of().loss, task_of().counts):
        with pytest.raises(TaskError, match="neutrino vertex, the file has none; convert a source with truth, or give"):
            use(logits, batch)
    assert len(task_of().predictions(logits, batch)) == 2


def test_sides_of_boxes_are_powers_of_two() -> None:
    with pytest.raises(ValidationError, match="must be a power of two; try 8"):
        VertexConfig(anchor_stride=12)


def test_an_empty_batch_adds_nothing_but_still_gives_gradients() -> None:
    raw: Tensor = torch.zeros(0, 3, 2, 2, requires_grad=True)
    batch = replace(batch_of([[0], [0]]), num_events=0, vertex_BP=torch.zeros(0, 1, dtype=torch.int64))
    loss = task_of().loss(Logits(anchors_IAG=raw), batch)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0
    assert raw.grad is not None


@pytest.mark.parametrize("network", [UResNetConfig(num_filters=2, depth=1), ResNetConfig(num_filters=2, blocks=(1, 1))])
def test_every_parameter_gets_a_gradient(network: NetworkConfig) -> None:
    torch.manual_seed(0)
    task, batch = task_of(), batch_of([[5], [-1]])
    built = build_network(network, task.outputs, num_planes=1, shape=(4, 4))
    torch.autograd.backward(task.loss(task.forward(built, batch), batch))
    assert not [name for name, parameter in built.named_parameters() if parameter.grad is None]
