"""Layers on whole images, with the parameters of the layers on active sites, by name and by shape.

On images whose every site is active both give the same numbers, running statistics included. Elsewhere a dense layer
also sees the empty sites: it gives them a bias, counts them in its statistics, and spreads into them.
Shapes: I images, C channels, K kernel offsets, E channels out, S the axes of an image.
"""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from nuweave.sparse import Convolution, SyncBatchNorm

_CONVOLUTION = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_INTERPOLATION = {1: "linear", 2: "bilinear", 3: "trilinear"}


class DenseConv(Convolution):
    """Convolution with an odd kernel; the output has the shape of the input."""

    def __init__(self, num_inputs: int, num_outputs: int, *, kernel: tuple[int, ...], bias: bool) -> None:
        super().__init__(math.prod(kernel), num_inputs, num_outputs, num_active=max(kernel), bias=bias)
        self.kernel = kernel

    def forward(self, x_ICS: Tensor) -> Tensor:
        """[I, E, *S]."""
        return _centred(x_ICS, torch_layout(self.weight_KCE, self.kernel), self.bias_E)


class DenseDepthwiseConv(Convolution):
    """Convolution of each channel by itself with an odd cubic kernel."""

    def __init__(self, num_channels: int, *, ndim: int, kernel_size: int, bias: bool) -> None:
        super().__init__(kernel_size**ndim, 1, num_channels, num_active=kernel_size, bias=bias)
        self.kernel = (kernel_size,) * ndim

    def forward(self, x_ICS: Tensor) -> Tensor:
        """[I, C, *S]."""
        return _centred(x_ICS, torch_layout(self.weight_KCE, self.kernel), self.bias_E, groups=x_ICS.shape[1])


class DenseStridedConv(Convolution):
    """Convolution of kernel 2 and stride 2."""

    def __init__(self, num_inputs: int, num_outputs: int, *, ndim: int, bias: bool) -> None:
        super().__init__(2**ndim, num_inputs, num_outputs, num_active=2, bias=bias)
        self.ndim = ndim

    def forward(self, x_ICS: Tensor) -> Tensor:
        """[I, E, *S / 2]."""
        weight = torch_layout(self.weight_KCE, (2,) * self.ndim)
        return _CONVOLUTION[self.ndim](x_ICS, weight, self.bias_E, stride=2)


class DenseInverseConv(Convolution):
    """Transposed convolution of kernel 2 and stride 2."""

    def __init__(self, num_inputs: int, num_outputs: int, *, ndim: int, bias: bool) -> None:
        super().__init__(2**ndim, num_inputs, num_outputs, num_active=1, bias=bias)
        self.ndim = ndim

    def forward(self, x_ICS: Tensor, like: Tensor) -> Tensor:  # noqa: ARG002  (the way back is given by the stride)
        """[I, E, *2 S]."""
        weight = torch_layout(self.weight_KCE, (2,) * self.ndim).transpose(0, 1)
        return _TRANSPOSED[self.ndim](x_ICS, weight, self.bias_E, stride=2)


class DenseMaxPool(nn.Module):
    """Largest of each feature in windows of 2 along each axis."""

    def forward(self, x_ICS: Tensor) -> Tensor:
        """[I, C, *S / 2]."""
        return max_pool(x_ICS, 2)


class DenseInterpolation(nn.Module):
    """Linear interpolation along each axis to twice the shape."""

    def forward(self, x_ICS: Tensor, like: Tensor) -> Tensor:  # noqa: ARG002  (the way back is given by the stride)
        """[I, C, *2 S]."""
        mode = _INTERPOLATION[x_ICS.ndim - 2]
        return functional.interpolate(x_ICS, scale_factor=2.0, mode=mode, align_corners=False)


class DenseBatchNorm(nn.BatchNorm1d):
    """Each channel over all sites of all images; fewer than two of them take the running statistics."""

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  (torch's name)
        """Any number of axes."""

    def forward(self, x_ICS: Tensor) -> Tensor:
        """[I, C, *S]."""
        if self.training and x_ICS.numel() < 2 * self.num_features:
            return functional.batch_norm(
                x_ICS, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x_ICS)


class DenseSyncBatchNorm(SyncBatchNorm):
    """`DenseBatchNorm` over the images of all ranks."""

    def forward(self, x_ICS: Tensor) -> Tensor:  # type: ignore[override]
        """[I, C, *S]."""
        sites_ISC = x_ICS.movedim(1, -1)
        return self.normalised(sites_ISC.flatten(0, -2)).view(sites_ISC.shape).movedim(-1, 1)


class DenseLayerNorm(nn.LayerNorm):
    """All channels of one site."""

    def forward(self, x_ICS: Tensor) -> Tensor:
        """[I, C, *S]."""
        return super().forward(x_ICS.movedim(1, -1)).movedim(-1, 1)


def _centred(x_ICS: Tensor, weight: Tensor, bias_E: Tensor | None, *, groups: int = 1) -> Tensor:
    """Convolution with an odd kernel, [I, E, *S]. Volumes shorter than it get zeros up to its length.

    Without, oneDNN (torch 2.13, CPU) makes garbage of the weight's gradient in bfloat16, and of memory beside it.
    """
    shape, kernel = x_ICS.shape[2:], weight.shape[2:]
    padding = tuple(size // 2 for size in kernel)
    convolve = partial(_CONVOLUTION[len(kernel)], weight=weight, bias=bias_E, padding=padding, groups=groups)
    missing = [max(0, size - length) for size, length in zip(kernel, shape, strict=True)]
    if len(kernel) < 3 or not any(missing):
        return convolve(x_ICS)
    ends = [num for axis in reversed(missing) for num in (0, axis)]
    return functional.pad(convolve(functional.pad(x_ICS, ends)), [-num for num in ends])


def max_pool(x_ICS: Tensor, window: int) -> Tensor:
    """Largest of each feature in windows of that length along each axis."""
    pooled: Tensor = _MAX_POOL[x_ICS.ndim - 2](x_ICS, window)
    return pooled


def channels_innermost(x_ICS: Tensor) -> Tensor:
    """The same images, in memory as `to_dense` makes them; convolutions and norms keep that, and are faster on it."""
    return x_ICS.movedim(1, -1).contiguous().movedim(-1, 1)


def torch_layout(weight_KCE: Tensor, kernel: tuple[int, ...]) -> Tensor:
    """The weight as torch's convolutions take it, [E, C, *kernel]."""
    return weight_KCE.view(*kernel, *weight_KCE.shape[1:]).movedim((-1, -2), (0, 1))
