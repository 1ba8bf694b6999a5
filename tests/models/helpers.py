"""Inputs for networks, what a training engine needs of them, and how much float16 changes them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nuweave.config.models import UResNetConfig
from nuweave.sparse import SparseTensor
from tests.sparse.helpers import random_tensor

# CosmicTagger's networks, with the published numbers of parameters
DEFAULT = UResNetConfig(
    num_filters=16,
    depth=6,
    blocks_per_level=2,
    blocks_deepest=5,
    blocks_final=5,
    kernel_deepest=5,
    bottleneck=256,
    block="residual",
    connections="concat",
    skips="input",
    growth="additive",
    down="max_pooling",
    up="interpolation",
    bias=True,
    norm="batch",
)
PLAIN = DEFAULT.model_copy(update={"block": "plain", "connections": "sum"})
A21 = PLAIN.model_copy(update={"num_filters": 8, "blocks_final": 0})
POLARIS = PLAIN.model_copy(update={"depth": 7, "blocks_deepest": 2, "blocks_final": 2, "bottleneck": 96})
SCC21 = DEFAULT.model_copy(update={"norm": "none"})


def input_of(seed: int, *, shape: tuple[int, ...], num_images: int, occupancy: float = 0.2) -> SparseTensor:
    """Random sites with one positive value each, as log1p of a charge is."""
    x = random_tensor(seed, shape=shape, num_images=num_images, num_channels=1, occupancy=occupancy)
    return x.replace(x.feat_NC.float().abs())


def missing_gradients(network: nn.Module) -> list[str]:
    """Names of parameters without a finite gradient: a distributed step would hang or spoil the others."""
    return [name for name, p in network.named_parameters() if p.grad is None or not bool(torch.isfinite(p.grad).all())]


def num_parameters(network: nn.Module) -> int:
    """Weights of a network."""
    return sum(p.numel() for p in network.parameters())


def fp16_errors(network: nn.Module, logits_of: Callable[[], Tensor]) -> tuple[float, float]:
    """How far logits, and the gradient of their mean square, are from float32 under float16 autocast, as shares.

    The loss is scaled as training scales it, so that small gradients stay above what float16 can hold.
    """
    exact, exact_gradient = _with_gradient(network, logits_of(), scale=1)
    with torch.autocast("cpu", torch.float16):
        logits = logits_of()
    found, gradient = _with_gradient(network, logits.float(), scale=2**10)
    of_gradient = (gradient - exact_gradient).norm() / exact_gradient.norm()
    return float((found - exact).abs().mean() / exact.abs().mean()), float(of_gradient)


def _with_gradient(network: nn.Module, logits: Tensor, *, scale: int) -> tuple[Tensor, Tensor]:
    gradients = torch.autograd.grad(scale * logits.square().mean(), list(network.parameters()))
    return logits.detach(), torch.cat([gradient.flatten() for gradient in gradients]) / scale
