"""The optimisers, from torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from nuweave.config.train import TrainConfig


def make_optimizer(parameters: Iterable[nn.Parameter], settings: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of `settings.optimizer`."""
    config = settings.optimizer
    match config.kind:
        case "adamw":
            return torch.optim.AdamW(
                parameters, lr=settings.learning_rate, weight_decay=config.weight_decay, betas=config.betas
            )
        case "sgd":
            return torch.optim.SGD(
                parameters, lr=settings.learning_rate, weight_decay=config.weight_decay, momentum=config.momentum
            )
        case _:
            raise NotImplementedError(config.kind)
