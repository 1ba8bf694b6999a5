"""A training in this process that keeps nothing: what the overfit check and the rate finder look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset, SparseBatch
from nuweave.tasks import make_task
from nuweave.train.distributed import one_process
from nuweave.train.engine import TorchEngine
from nuweave.train.loop import StepDone, train_steps
from nuweave.train.network import new_network


def train_alone(
    model: ModelConfig,
    *,
    seed: int,
    dataset: EventDataset,
    batches: Iterable[SparseBatch],
    num_steps: int,
    rate: Callable[[int], float],
) -> Iterator[StepDone]:
    """Train a new network, whatever engine and ranks the settings ask for; a value a step.

    Args:
        model: its settings.
        seed: of the weights.
        dataset: tells planes and shape of the images.
        batches: global batches.
        num_steps: at most; fewer where batches end.
        rate: learning rate of a step, counted from 0.
    Raises:
        NonFiniteLossError: before the weights of that step move.
    """
    task, ranks = make_task(model.task), one_process()
    torch.manual_seed(seed)
    settings = model.train.model_copy(update={"engine": "torch", "ranks": 1})
    return train_steps(
        task=task,
        engine=TorchEngine(task, new_network(model, task, dataset), settings, ranks),
        ranks=ranks,
        batches=batches,
        steps=range(num_steps),
        rate=rate,
        asked_to_stop=lambda: False,
    )
