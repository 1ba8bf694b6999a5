"""The optimisers, from torch and, for large batches, from pytorch_optimizer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from nuweave.config.optimizer import LAMBConfig, LARSConfig
from nuweave.config.train import TrainConfig


def make_optimizer(parameters: Iterable[nn.Parameter], settings: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of `settings.optimizer`; weight decay takes every parameter, under LARS all but vectors."""
    config, rate = settings.optimizer, settings.learning_rate
    match config.kind:
        case "adamw":  # fused: all parameters in one pass, on CPU, CUDA and XPU
            return torch.optim.AdamW(
                parameters, lr=rate, weight_decay=config.weight_decay, betas=config.betas, fused=True
            )
        case "sgd":
            return torch.optim.SGD(
                parameters, lr=rate, weight_decay=config.weight_decay, momentum=config.momentum, fused=True
            )
        case "lamb":
            return _make_lamb(parameters, config, rate)
        case "lars":
            return _make_lars(parameters, config, rate)


def _make_lamb(parameters: Iterable[nn.Parameter], config: LAMBConfig, rate: float) -> torch.optim.Optimizer:
    """LAMB without bias correction, the warm-up of the schedule does its work.

    Source: 1904.00962, version 3; norms of weights count as 10 at most.
    """
    from pytorch_optimizer import Lamb  # seconds, and few trainings need it

    return Lamb(
        parameters,
        lr=rate,
        weight_decay=config.weight_decay,
        betas=config.betas,
        weight_decouple=False,  # inside the step that is scaled
        adam_debias=True,  # else the rate of step t is divided by 1 - beta1^t: tenfold at first
    )


def _make_lars(parameters: Iterable[nn.Parameter], config: LARSConfig, rate: float) -> torch.optim.Optimizer:
    """LARS; vectors, that is biases and norms, take plain steps of SGD without decay.

    Source: 1708.03888, Algorithm 1; the rate multiplies the momentum, as in torch, not what enters it.
    """
    from pytorch_optimizer import LARS

    return LARS(
        parameters,
        lr=rate,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        trust_coefficient=config.trust_coefficient,
    )
