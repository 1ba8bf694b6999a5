"""What flows through a network: features on active sites (SparseTensor), or whole images [I, C, *shape].

Channels are axis 1 of the values of both, so what acts on single values or adds them is written once.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional

from nuweave import sparse
from nuweave.sparse import SparseTensor

Features = TypeVar("Features", SparseTensor, Tensor)


def values_of(x: SparseTensor | Tensor) -> Tensor:
    """The numbers alone, channels in axis 1."""
    return x.feat_NC if isinstance(x, SparseTensor) else x


def replace(x: Features, values: Tensor) -> Features:
    """Other numbers at the same places."""
    return x.replace(values) if isinstance(x, SparseTensor) else values


def add(x: Features, y: Features) -> Features:
    """Sum of features at the same places."""
    return sparse.add(x, y) if isinstance(x, SparseTensor) and isinstance(y, SparseTensor) else x + y


class LeakyReLU(nn.Module):
    """Overwrites its input, which must be new: what a convolution, a norm or a sum has just made."""

    SLOPE = 0.01

    def forward(self, x: Features) -> Features:
        """Features at the same places."""
        return replace(x, functional.leaky_relu(values_of(x), self.SLOPE, inplace=True))


class GELU(nn.Module):
    """As torch's."""

    def forward(self, x: Features) -> Features:
        """Features at the same places."""
        return replace(x, functional.gelu(values_of(x)))
