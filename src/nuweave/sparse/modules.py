"""Layers on active sites. Convolutions have no bias unless asked: a norm that follows would take it away again.

Shapes: N sites, C channels in, E channels out, K kernel offsets.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from nuweave.sparse.convolution import depthwise_conv, inverse_conv, strided_conv, submanifold_conv, transposed_conv
from nuweave.sparse.tensor import SparseTensor


class Convolution(nn.Module):
    """What all convolutions hold: a weight, normal and of a scale that keeps the variance, and a bias if asked."""

    def __init__(
        self, num_offsets: int, num_inputs: int, num_outputs: int, *, num_active: float, bias: bool = False
    ) -> None:
        """`num_active` of the offsets meet a site as a rule (a track is a line)."""
        super().__init__()
        std = math.sqrt(2 / (num_active * num_inputs))
        self.weight_KCE = nn.Parameter(torch.randn(num_offsets, num_inputs, num_outputs) * std)
        self.bias_E = nn.Parameter(torch.zeros(num_outputs)) if bias else None

    def plus_bias(self, x: SparseTensor) -> SparseTensor:
        """The bias added at every active site, in the type of the features."""
        return x if self.bias_E is None else x.replace(x.feat_NC + self.bias_E.to(x.feat_NC.dtype))


class SubmanifoldConv(Convolution):
    """Convolution with an odd cubic kernel; outputs live on the input's sites."""

    def __init__(self, num_inputs: int, num_outputs: int, *, ndim: int, kernel_size: int, bias: bool = False) -> None:
        _require_odd("submanifold convolution", kernel_size)
        super().__init__(kernel_size**ndim, num_inputs, num_outputs, num_active=kernel_size, bias=bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the same sites."""
        return self.plus_bias(submanifold_conv(x, self.weight_KCE))


class DepthwiseConv(Convolution):
    """Convolution of each channel by itself with an odd cubic kernel; outputs live on the input's sites."""

    def __init__(self, num_channels: int, *, ndim: int, kernel_size: int, bias: bool = False) -> None:
        _require_odd("depthwise convolution", kernel_size)
        super().__init__(kernel_size**ndim, 1, num_channels, num_active=kernel_size, bias=bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the same sites."""
        return self.plus_bias(depthwise_conv(x, self.weight_KCE[:, 0]))


class StridedConv(Convolution):
    """Convolution of stride 2."""

    def __init__(
        self, num_inputs: int, num_outputs: int, *, ndim: int, kernel_size: int = 2, bias: bool = False
    ) -> None:
        super().__init__(kernel_size**ndim, num_inputs, num_outputs, num_active=kernel_size, bias=bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the coarse sites."""
        return self.plus_bias(strided_conv(x, self.weight_KCE))


class InverseConv(Convolution):
    """Transposed convolution of stride 2, back to known fine sites."""

    def __init__(
        self, num_inputs: int, num_outputs: int, *, ndim: int, kernel_size: int = 2, bias: bool = False
    ) -> None:
        super().__init__(kernel_size**ndim, num_inputs, num_outputs, num_active=kernel_size / 2, bias=bias)

    def forward(self, x: SparseTensor, like: SparseTensor) -> SparseTensor:
        """Features on the sites of `like`."""
        return self.plus_bias(inverse_conv(x, self.weight_KCE, like))


class TransposedConv(Convolution):
    """Transposed convolution of stride 2, to every fine site that the kernel reaches."""

    def __init__(
        self, num_inputs: int, num_outputs: int, *, ndim: int, kernel_size: int = 2, bias: bool = False
    ) -> None:
        super().__init__(kernel_size**ndim, num_inputs, num_outputs, num_active=kernel_size / 2, bias=bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the fine sites."""
        return self.plus_bias(transposed_conv(x, self.weight_KCE))


def _require_odd(name: str, kernel_size: int) -> None:
    if kernel_size % 2 == 0:
        raise ValueError(f"{name}: kernel_size {kernel_size} must be odd")
