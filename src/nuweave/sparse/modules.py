"""Layers on active sites. Convolutions have no bias: the normalisation that follows would take it away again.

Shapes: N sites, C channels in, E channels out, K kernel offsets.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from nuweave.sparse.convolution import inverse_conv, strided_conv, submanifold_conv
from nuweave.sparse.tensor import SparseTensor


class SubmanifoldConv(nn.Module):
    """Convolution with an odd cubic kernel; outputs live on the input's sites."""

    def __init__(self, num_inputs: int, num_outputs: int, *, ndim: int, kernel_size: int) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"submanifold convolution: kernel_size {kernel_size} must be odd")
        self.weight_KCE = _weight(kernel_size**ndim, num_inputs, num_outputs, num_active=kernel_size)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the same sites."""
        return submanifold_conv(x, self.weight_KCE)


class StridedConv(nn.Module):
    """Convolution of kernel 2 and stride 2."""

    def __init__(self, num_inputs: int, num_outputs: int, *, ndim: int) -> None:
        super().__init__()
        self.weight_KCE = _weight(2**ndim, num_inputs, num_outputs, num_active=2)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the coarse sites."""
        return strided_conv(x, self.weight_KCE)


class InverseConv(nn.Module):
    """Transposed convolution of kernel 2 and stride 2, back to known fine sites."""

    def __init__(self, num_inputs: int, num_outputs: int, *, ndim: int) -> None:
        super().__init__()
        self.weight_KCE = _weight(2**ndim, num_inputs, num_outputs, num_active=1)

    def forward(self, x: SparseTensor, like: SparseTensor) -> SparseTensor:
        """Features on the sites of `like`."""
        return inverse_conv(x, self.weight_KCE, like)


class NormReLU(nn.Module):
    """Batch normalisation over the active sites of all images (1502.03167), then ReLU.

    A plane has thousands of active sites, so even a batch of one event has steady statistics. Norms that look at one
    image alone lost what the task needs: over the channels of a site how large a charge is, over the sites of an image
    how much of it there is; either trained clearly worse, in segmentation and in particle counting respectively.
    On several ranks each normalises its own batch and keeps its own running statistics.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_channels)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the same sites; fewer than two sites have no variance and use the running statistics."""
        norm = self.norm
        if norm.training and len(x.feat_NC) < 2:
            statistics = (norm.running_mean, norm.running_var)
            feat_NC = functional.batch_norm(x.feat_NC, *statistics, norm.weight, norm.bias, eps=norm.eps)
        else:
            feat_NC = norm(x.feat_NC)
        return x.replace(torch.relu(feat_NC))


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))): norm and ReLU go ahead of each convolution, so x passes untouched (1603.05027)."""

    def __init__(self, num_channels: int, *, ndim: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            NormReLU(num_channels),
            SubmanifoldConv(num_channels, num_channels, ndim=ndim, kernel_size=kernel_size),
            NormReLU(num_channels),
            SubmanifoldConv(num_channels, num_channels, ndim=ndim, kernel_size=kernel_size),
        )

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Features on the same sites."""
        branch: SparseTensor = self.branch(x)
        return x.replace(x.feat_NC + branch.feat_NC)


def _weight(num_offsets: int, num_inputs: int, num_outputs: int, *, num_active: int) -> nn.Parameter:
    """Normal weights that keep the variance when `num_active` of the offsets meet a site (a track is a line)."""
    std = math.sqrt(2 / (num_active * num_inputs))
    return nn.Parameter(torch.randn(num_offsets, num_inputs, num_outputs) * std)
