"""The batches of a training, on the device of a rank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nuweave.config.train import TrainConfig
from nuweave.loader import EventDataset, Sampler, TrainingStream
from nuweave.tasks import Task
from nuweave.train.distributed import Ranks


def open_stream(
    dataset: EventDataset,
    sampler: Sampler,
    *,
    task: Task,
    settings: TrainConfig,
    ranks: Ranks,
    state: Mapping[str, Any] | None = None,
) -> TrainingStream:
    """This rank's share of each global batch, with the sites that the task wants.

    Args:
        dataset: the events.
        sampler: their order.
        task: what is trained.
        settings: augmentation and loader.
        ranks: this rank among all.
        state: of an earlier stream; None or empty starts at the first epoch.
    """
    return TrainingStream(
        dataset,
        sampler,
        rank=ranks.rank,
        world=ranks.world_size,
        state=state or None,
        select=task.prepare,
        augment=settings.augment,
        settings=settings.loader,
        device=ranks.device,
    )
