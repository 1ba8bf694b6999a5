"""The training loop. Reads top to bottom: batch, forward, loss, check, backward, step; the caller logs.

Shape letters: T terms of the loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from nuweave.loader import SparseBatch
from nuweave.tasks import LossTerms, Task, mean_loss
from nuweave.train.distributed import Ranks
from nuweave.train.engine import Engine
from nuweave.train.errors import NonFiniteLossError


@dataclass(frozen=True)
class StepDone:
    """What a step left behind.

    Attributes:
        step: optimiser steps done so far.
        loss: mean over the global batch, before the step.
        learning_rate: that the step used.
        asked_to_stop: whether any rank was.
        seconds: that the step took, waiting included; what the caller does between steps does not count.
        wait_seconds: of these, waiting for data.
    """

    step: int
    loss: float
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
) -> Iterator[StepDone]:
    """Train; a value a step, the same on every rank.

    Args:
        task: gives the loss.
        engine: moves the weights.
        ranks: this rank among all.
        batches: this rank's share of each global batch.
        steps: numbers of the steps, counted from 0 over the whole training.
        rate: learning rate of a step.
        asked_to_stop: whether this rank was told to stop; the caller decides what follows.
    Raises:
        NonFiniteLossError: on every rank, before the weights of that step move.
    """
    engine.network.train()
    start = time.perf_counter()
    for step, batch in zip(steps, batches, strict=False):
        wait_seconds = time.perf_counter() - start
        batch = task.prepare(batch.to(ranks.device))
        terms = task.loss_terms(engine.forward(batch), batch)
        weights_T, loss, stop = _agree(terms, asked_to_stop(), ranks)
        if not math.isfinite(loss):
            raise NonFiniteLossError(step, _guilty_events(terms, batch, ranks))
        # engines average gradients over ranks, the loss is a mean over all their events
        engine.backward(mean_loss(terms.sums_T, weights_T) * ranks.world_size)
        learning_rate = rate(step)
        engine.step(learning_rate)
        yield StepDone(step + 1, loss, learning_rate, stop, time.perf_counter() - start, wait_seconds)
        start = time.perf_counter()


def _agree(terms: LossTerms, stop: bool, ranks: Ranks) -> tuple[torch.Tensor, float, bool]:
    """Weights of the global batch, its loss, and whether any rank must stop: one small exchange a step."""
    sums_T = terms.sums_T.detach().double()
    total = ranks.sum(torch.cat([sums_T, terms.weights_T, terms.weights_T.new_tensor([stop])]))
    num_terms = len(sums_T)
    weights_T = total[num_terms:-1]
    return weights_T, float(mean_loss(total[:num_terms], weights_T)), bool(total[-1] > 0)


def _guilty_events(terms: LossTerms, batch: SparseBatch, ranks: Ranks) -> list[list[int]]:
    """Run, subrun and event of every event in the batches whose loss is not finite."""
    is_guilty = not bool(terms.sums_T.isfinite().all())
    own: list[list[int]] = batch.event_ids_B3.tolist() if is_guilty else []
    return [event for events in ranks.gather(own) for event in events]
