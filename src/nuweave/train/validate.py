"""Loss and metrics of the network as it stands, over the events of all ranks."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nuweave.config.train import TrainConfig
from nuweave.loader import SparseBatch
from nuweave.tasks import Task, mean_loss
from nuweave.train.distributed import Ranks
from nuweave.train.engine import precision_of


@torch.no_grad()
def validate(
    task: Task, network: nn.Module, batches: Iterable[SparseBatch], *, settings: TrainConfig, ranks: Ranks
) -> dict[str, float]:
    """`loss` and the task's metrics; the same on every rank.

    Args:
        task: gives loss and counts.
        network: is in training mode afterwards; its running statistics become the mean over ranks.
        batches: this rank's share; ranks may have different numbers of batches, or none.
        settings: precision.
        ranks: this rank among all.
    """
    _average_statistics(network, ranks)
    network.eval()
    own: dict[str, Tensor] = {}
    for number, batch in enumerate(batches, start=1):
        ranks.alive(f"validation: batch {number}")
        batch = task.prepare(batch.to(ranks.device))
        with precision_of(settings, ranks.device):
            logits = task.forward(network, batch)
        sums = {
            "loss sums": task.loss_sums(logits, batch).double().cpu(),
            "loss weights": task.loss_weights(batch).cpu(),
        }
        own = _added(own, sums | task.counts(logits, batch))
    network.train()
    total: dict[str, Tensor] = {}
    for counts in ranks.gather(own):
        total = _added(total, counts)
    loss = float(mean_loss(total.pop("loss sums"), total.pop("loss weights")))
    return {"loss": loss, **task.metrics(total)}


def _average_statistics(network: nn.Module, ranks: Ranks) -> None:
    """Every rank normalised its own batches: from here on all have the mean of what they saw."""
    for buffer in network.buffers():
        if buffer.is_floating_point():
            buffer.copy_(ranks.sum(buffer) / ranks.world_size)


def _added(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sums of what both have; either may be empty."""
    return {name: one[name] + other[name] for name in one} if one and other else one or other
