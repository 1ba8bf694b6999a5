"""The training loop. Reads top to bottom: batch, forward, backward, agree, step; the caller logs.

Shape letters: T terms of the loss, P parts that a rank's events of a step are cut into.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nuweave.loader import SparseBatch
from nuweave.tasks import Task, mean_loss
from nuweave.train.distributed import Ranks
from nuweave.train.engine import Engine
from nuweave.train.errors import NonFiniteLossError

MOST_SKIPPED = 25  # steps in a row whose gradient overflows: by then fp16 has scaled the loss down from 2^16 to 2^-9


@dataclass(frozen=True)
class StepDone:
    """What a step left behind.

    Attributes:
        step: optimiser steps done so far.
        loss: mean over the global batch, before the step.
        gradient_norm: of all weights, before it was clipped; infinite where fp16 overflowed and no weight moved.
        learning_rate: that the step used.
        asked_to_stop: whether any rank was.
        seconds: that the step took, waiting included; what the caller does between steps does not count.
        wait_seconds: of these, waiting for data.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    asked_to_stop: bool
    seconds: float
    wait_seconds: float


def train_steps(
    *,
    task: Task,
    engine: Engine,
    ranks: Ranks,
    batches: Iterable[SparseBatch],
    steps: range,
    rate: Callable[[int], float],
    asked_to_stop: Callable[[], bool],
    num_parts: int = 1,
) -> Iterator[StepDone]:
    """Train; a value a step, the same on every rank.

    The loss of a step is one mean over the global batch, however many ranks and parts share its events: what it is
    divided by is known before the network runs.

    Args:
        task: gives the loss.
        engine: moves the weights.
        ranks: this rank among all.
        batches: this rank's share of each global batch, with the sites that the task wants (`Task.prepare`).
        steps: numbers of the steps, counted from 0 over the whole training.
        rate: learning rate of a step.
        asked_to_stop: whether this rank was told to stop; the caller decides what follows.
        num_parts: parts of a share that go through the network one after the other.
    Raises:
        NonFiniteLossError: on every rank, before the weights of that step move.
    """
    engine.network.train()
    num_skipped = 0
    ranks.alive("the first batch")
    start = time.perf_counter()
    for step, batch in zip(steps, batches, strict=False):
        wait_seconds = time.perf_counter() - start
        ranks.alive(f"step {step + 1}: forward and backward")
        batch_P = batch.to(ranks.device).parts(num_parts)
        weights_T = ranks.sum(torch.stack([task.loss_weights(part) for part in batch_P]).sum(dim=0))
        sums_PT: list[Tensor] = []
        for number, part in enumerate(batch_P, start=1):
            sums_T = task.loss_sums(engine.forward(part, is_last=number == num_parts), part)
            # engines average gradients over ranks, the loss is a mean over all their events
            engine.backward(mean_loss(sums_T, weights_T) * ranks.world_size)
            sums_PT.append(sums_T.detach())
        ranks.alive(f"step {step + 1}: its loss")
        loss, stop = _agree(torch.stack(sums_PT), weights_T, asked_to_stop(), ranks)
        if not math.isfinite(loss):
            raise NonFiniteLossError(step, "loss", _guilty_events(sums_PT, batch_P, ranks))
        ranks.alive(f"step {step + 1}: optimiser")
        learning_rate = rate(step)
        gradient_norm = engine.step(learning_rate)
        num_skipped = 0 if math.isfinite(gradient_norm) else num_skipped + 1
        if num_skipped > (MOST_SKIPPED if engine.scales_loss else 0):
            raise NonFiniteLossError(step, "gradient", _events(batch_P, ranks))
        seconds = time.perf_counter() - start
        yield StepDone(step + 1, loss, gradient_norm, learning_rate, stop, seconds, wait_seconds)
        ranks.alive(f"step {step + 2}: waiting for data")
        start = time.perf_counter()


def _agree(sums_PT: Tensor, weights_T: Tensor, stop: bool, ranks: Ranks) -> tuple[float, bool]:
    """The loss of the global batch, and whether any rank must stop."""
    sums_T = sums_PT.double().sum(dim=0)
    total = ranks.sum(torch.cat([sums_T, sums_T.new_tensor([stop])]))
    return float(mean_loss(total[:-1], weights_T)), bool(total[-1] > 0)


def _guilty_events(sums_PT: Sequence[Tensor], batch_P: Sequence[SparseBatch], ranks: Ranks) -> list[list[int]]:
    """Run, subrun and event of every event in the parts whose loss is not finite."""
    guilty = [part for sums_T, part in zip(sums_PT, batch_P, strict=True) if not bool(sums_T.isfinite().all())]
    return _events(guilty, ranks)


def _events(parts: Sequence[SparseBatch], ranks: Ranks) -> list[list[int]]:
    """Run, subrun and event of every event, over all ranks."""
    own = [event for part in parts for event in part.event_ids_B3.tolist()]
    return [event for events in ranks.gather(own) for event in events]
