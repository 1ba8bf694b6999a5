"""The network that a training starts from."""

from __future__ import annotations

from torch import nn

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset
from nuweave.models import build_network, recompute_blocks
from nuweave.tasks import Task


def new_network(model: ModelConfig, task: Task, dataset: EventDataset) -> nn.Module:
    """Random weights, for the images of a file; with `train.recompute` its blocks forget their inside."""
    network = build_network(model.network, task.outputs, num_planes=dataset.num_planes, shape=dataset.shape)
    if model.train.recompute:
        recompute_blocks(network)
    return network
