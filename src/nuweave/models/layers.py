"""The two kinds of layers that a network is made of; a network asks for them by what they do.

Parameters of both have the same names and shapes, so weights trained on one kind load into the other.
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

from torch import nn

from nuweave import sparse
from nuweave.models import dense
from nuweave.sparse import Convolution, SparseTensor, interpolate, strided_max

Norm = Literal["none", "batch", "sync_batch", "group", "layer", "instance"]
GROUPS = 4  # of channels in a group norm, fewer where they do not divide the channels


class Layers(Protocol):
    """Makes layers. Those that go up take the features of the finer level as their second input."""

    @property
    def ndim(self) -> int: ...
    def convolution(self, num_inputs: int, num_outputs: int, *, kernel_size: int, bias: bool) -> Convolution: ...
    def depthwise(self, num_channels: int, *, kernel_size: int, bias: bool) -> Convolution: ...
    def strided(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution: ...
    def inverse(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution: ...
    def max_pool(self) -> nn.Module: ...
    def interpolation(self) -> nn.Module: ...
    def norm(self, kind: Norm, num_channels: int) -> nn.Module: ...


class SparseLayers:
    """On active sites."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim

    def convolution(self, num_inputs: int, num_outputs: int, *, kernel_size: int, bias: bool) -> Convolution:
        """Same sites, odd cubic kernel."""
        return sparse.SubmanifoldConv(num_inputs, num_outputs, ndim=self.ndim, kernel_size=kernel_size, bias=bias)

    def depthwise(self, num_channels: int, *, kernel_size: int, bias: bool) -> Convolution:
        """Same sites, each channel by itself."""
        return sparse.DepthwiseConv(num_channels, ndim=self.ndim, kernel_size=kernel_size, bias=bias)

    def strided(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution:
        """Kernel 2, stride 2."""
        return sparse.StridedConv(num_inputs, num_outputs, ndim=self.ndim, bias=bias)

    def inverse(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution:
        """Kernel 2, stride 2, transposed."""
        return sparse.InverseConv(num_inputs, num_outputs, ndim=self.ndim, bias=bias)

    def max_pool(self) -> nn.Module:
        """Largest in windows of 2."""
        return _StridedMax()

    def interpolation(self) -> nn.Module:
        """Linear, to twice the resolution."""
        return _Interpolation()

    def norm(self, kind: Norm, num_channels: int) -> nn.Module:
        """Over active sites."""
        match kind:
            case "none":
                return nn.Identity()
            case "batch":
                return sparse.BatchNorm(num_channels)
            case "sync_batch":
                return sparse.SyncBatchNorm(num_channels)
            case "layer":
                return sparse.LayerNorm(num_channels)
            case "group" | "instance":
                return sparse.GroupNorm(num_groups(kind, num_channels), num_channels)


class DenseLayers:
    """On whole images."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim

    def convolution(self, num_inputs: int, num_outputs: int, *, kernel_size: int, bias: bool) -> Convolution:
        """Same shape, odd cubic kernel."""
        return dense.DenseConv(num_inputs, num_outputs, kernel=(kernel_size,) * self.ndim, bias=bias)

    def depthwise(self, num_channels: int, *, kernel_size: int, bias: bool) -> Convolution:
        """Same shape, each channel by itself."""
        return dense.DenseDepthwiseConv(num_channels, ndim=self.ndim, kernel_size=kernel_size, bias=bias)

    def strided(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution:
        """Kernel 2, stride 2."""
        return dense.DenseStridedConv(num_inputs, num_outputs, ndim=self.ndim, bias=bias)

    def inverse(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution:
        """Kernel 2, stride 2, transposed."""
        return dense.DenseInverseConv(num_inputs, num_outputs, ndim=self.ndim, bias=bias)

    def max_pool(self) -> nn.Module:
        """Largest in windows of 2."""
        return dense.DenseMaxPool()

    def interpolation(self) -> nn.Module:
        """Linear, to twice the resolution."""
        return dense.DenseInterpolation()

    def norm(self, kind: Norm, num_channels: int) -> nn.Module:
        """Over all sites."""
        match kind:
            case "none":
                return nn.Identity()
            case "batch":
                return dense.DenseBatchNorm(num_channels)
            case "sync_batch":
                return dense.DenseSyncBatchNorm(num_channels)
            case "layer":
                return dense.DenseLayerNorm(num_channels)
            case "group" | "instance":
                return nn.GroupNorm(num_groups(kind, num_channels), num_channels)


class PlaneAxisLayers(DenseLayers):
    """On whole images whose first axis is the plane: kernels span all planes."""

    def __init__(self, ndim: int, num_planes: int) -> None:
        super().__init__(ndim + 1)
        self.num_planes = num_planes

    def convolution(self, num_inputs: int, num_outputs: int, *, kernel_size: int, bias: bool) -> Convolution:
        """Same shape; a kernel of 1 stays in its plane."""
        planes = self.num_planes if kernel_size > 1 else 1
        kernel = (planes, *(kernel_size,) * (self.ndim - 1))
        return dense.DenseConv(num_inputs, num_outputs, kernel=kernel, bias=bias)


def num_groups(kind: Literal["group", "instance"], num_channels: int) -> int:
    """Groups of channels that are normalised together."""
    return num_channels if kind == "instance" else math.gcd(GROUPS, num_channels)


class _StridedMax(nn.Module):
    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the coarse sites."""
        return strided_max(x)


class _Interpolation(nn.Module):
    def forward(self, x: SparseTensor, like: SparseTensor) -> SparseTensor:
        """Features on the sites of `like`."""
        return interpolate(x, like)
