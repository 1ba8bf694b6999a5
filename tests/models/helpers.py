"""Inputs for networks, and what a training engine needs of them."""

from __future__ import annotations

import torch
from torch import nn

from nuweave.sparse import SparseTensor
from tests.sparse.helpers import random_tensor


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
