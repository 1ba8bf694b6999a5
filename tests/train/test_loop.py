"""What a step does, and what stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset
from nuweave.models import build_network
from nuweave.tasks import make_task, mean_loss
from nuweave.train.distributed import one_process
from nuweave.train.engine import Engine, TorchEngine
from nuweave.train.errors import NonFiniteLossError
from nuweave.train.loop import StepDone, train_steps
from tests.train.events import classifier, poison, tagger, write_learnable


def prepare(path: Path, *, steps: range, stops: Iterator[bool] | None = None) -> tuple[Engine, Iterator[StepDone]]:
    """Steps, not yet taken, on the first two events of a file."""
    model, dataset, ranks = tagger(), EventDataset(path), one_process()
    task = make_task(model.task)
    torch.manual_seed(0)
    network = build_network(model.network, task.outputs, num_planes=dataset.num_planes, shape=dataset.shape)
    engine = TorchEngine(task, network, model.train, ranks)
    return engine, train_steps(
        task=task,
        engine=engine,
        ranks=ranks,
        batches=[dataset.read([0, 1])] * 3,
        steps=steps,
        rate=lambda step: 0.01 * (step + 1),
        asked_to_stop=lambda: next(stops) if stops else False,
    )


def test_steps_count_on_and_the_loss_falls(learnable: dict[str, Path]) -> None:
    done = list(prepare(learnable["train_path"], steps=range(7, 10))[1])
    assert [step.step for step in done] == [8, 9, 10]
    assert [step.learning_rate for step in done] == pytest.approx([0.08, 0.09, 0.10])
    assert done[-1].loss < done[0].loss
    assert all(0 <= step.wait_seconds < step.seconds for step in done)


def test_a_wish_to_stop_is_reported_not_decided(learnable: dict[str, Path]) -> None:
    stops = [False, True, True]
    _, steps = prepare(learnable["train_path"], steps=range(3), stops=iter(stops))
    assert [step.asked_to_stop for step in steps] == stops


def test_a_loss_that_is_not_finite_names_the_events_and_moves_no_weight(tmp_path: Path) -> None:
    path = write_learnable(tmp_path / "a.h5", num_events=2, seed=9)
    engine, steps = prepare(path, steps=range(3))
    poison(engine.network)
    before = {name: weight.clone() for name, weight in engine.network.named_parameters()}
    with pytest.raises(NonFiniteLossError, match="step 1: the loss is not finite") as caught:
        list(steps)
    assert caught.value.event_ids == [[9, 0, 0], [9, 0, 1]]
    assert caught.value.step == 0
    assert all(before[name].equal(weight) or weight.isnan().all() for name, weight in engine.network.named_parameters())


@pytest.mark.parametrize("make", [tagger, classifier])
def test_a_rank_without_events_adds_nothing_and_its_gradients_are_zero(
    learnable: dict[str, Path], make: Callable[[], ModelConfig]
) -> None:
    model, dataset = make(), EventDataset(learnable["train_path"])
    task, empty = make_task(model.task), dataset.read([])
    network = build_network(model.network, task.outputs, num_planes=dataset.num_planes, shape=dataset.shape).train()
    sums_T, weights_T = task.loss_sums(task.forward(network, empty), empty), task.loss_weights(empty)
    assert sums_T.tolist() == [0.0] * len(sums_T)
    assert weights_T.tolist() == [0.0] * len(sums_T)
    mean_loss(sums_T, weights_T + 4).backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert gradients
    assert all(not gradient.any() for gradient in gradients)
    assert all(buffer.isfinite().all() for buffer in network.buffers())
