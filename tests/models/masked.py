"""What layers on active sites should give: dense torch operations on whole images, cut back to the active sites.

Shapes: I images, C channels, S the axes of an image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nuweave.models.dense import torch_layout
from nuweave.models.layers import Norm
from nuweave.sparse import Convolution, SparseTensor, from_dense, to_dense
from tests.sparse.helpers import occupied, pad_to

CONV = {2: functional.conv2d, 3: functional.conv3d}
TRANSPOSED = {2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
MAX_POOL = {2: functional.max_pool2d, 3: functional.max_pool3d}
MODE = {2: "bilinear", 3: "trilinear"}


class MaskedLayers:
    """In the place of SparseLayers; with batch norm or none."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim

    def convolution(self, num_inputs: int, num_outputs: int, *, kernel_size: int, bias: bool) -> Convolution:
        return Same(kernel_size, self.ndim, num_inputs, num_outputs, bias)

    def depthwise(self, num_channels: int, *, kernel_size: int, bias: bool) -> Convolution:
        return Same(kernel_size, self.ndim, 1, num_channels, bias)

    def strided(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution:
        return Down(2, self.ndim, num_inputs, num_outputs, bias)

    def inverse(self, num_inputs: int, num_outputs: int, *, bias: bool) -> Convolution:
        return Up(2, self.ndim, num_inputs, num_outputs, bias)

    def max_pool(self) -> nn.Module:
        return MaxPool()

    def interpolation(self) -> nn.Module:
        return Interpolation()

    def norm(self, kind: Norm, num_channels: int) -> nn.Module:
        assert kind in ("none", "batch")
        return nn.Identity() if kind == "none" else MaskedBatchNorm(num_channels)


class Masked(Convolution):
    """A convolution that knows its kernel."""

    def __init__(self, kernel_size: int, ndim: int, num_inputs: int, num_outputs: int, bias: bool) -> None:
        super().__init__(kernel_size**ndim, num_inputs, num_outputs, num_active=kernel_size, bias=bias)
        self.kernel = (kernel_size,) * ndim

    @property
    def weight(self) -> Tensor:
        return torch_layout(self.weight_KCE, self.kernel)


class Same(Masked):
    def forward(self, x: SparseTensor) -> SparseTensor:
        groups = x.feat_NC.shape[1] if self.weight_KCE.shape[1] == 1 and x.feat_NC.shape[1] > 1 else 1
        padding = self.kernel[0] // 2
        return from_dense(CONV[x.ndim](to_dense(x), self.weight, self.bias_E, padding=padding, groups=groups), x)


class Down(Masked):
    def forward(self, x: SparseTensor) -> SparseTensor:
        return coarse(x, CONV[x.ndim](pad_to(to_dense(x), 2), self.weight, self.bias_E, stride=2))


class Up(Masked):
    def forward(self, x: SparseTensor, like: SparseTensor) -> SparseTensor:
        return from_dense(
            cut(TRANSPOSED[x.ndim](to_dense(x), self.weight.transpose(0, 1), self.bias_E, stride=2), like), like
        )


class MaxPool(nn.Module):
    def forward(self, x: SparseTensor) -> SparseTensor:
        empty = mask_of(x) == 0
        return coarse(x, MAX_POOL[x.ndim](pad_to(to_dense(x).masked_fill(empty, -1e9), 2, value=-1e9), 2))


class Interpolation(nn.Module):
    def forward(self, x: SparseTensor, like: SparseTensor) -> SparseTensor:
        def double(dense: Tensor) -> Tensor:
            return functional.interpolate(dense, scale_factor=2.0, mode=MODE[x.ndim], align_corners=False)

        share = double(mask_of(x))
        return from_dense(cut(double(to_dense(x)) / share.clamp(min=1e-9), like), like)


class MaskedBatchNorm(nn.Module):
    """Of training mode, without running statistics."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.bias = nn.Parameter(torch.zeros(num_channels))

    def forward(self, x: SparseTensor) -> SparseTensor:
        dense, mask = to_dense(x), mask_of(x)
        axes = (0, *range(2, 2 + x.ndim))
        mean = dense.sum(axes, keepdim=True) / mask.sum()
        variance = ((dense - mean).square() * mask).sum(axes, keepdim=True) / mask.sum()
        channels = (-1, *[1] * x.ndim)
        normal = (dense - mean) / (variance + 1e-5).sqrt()
        return from_dense(normal * self.weight.view(channels) + self.bias.view(channels), x)


def mask_of(x: SparseTensor) -> Tensor:
    """[I, 1, *S], one at active sites."""
    return to_dense(x.replace(torch.ones_like(x.feat_NC[:, :1])))


def coarse(x: SparseTensor, dense: Tensor) -> SparseTensor:
    """The rows of half the resolution whose windows hold an active site."""
    active = MAX_POOL[x.ndim](pad_to(mask_of(x), 2), 2)
    key_M = occupied(active)
    like = SparseTensor(active.new_zeros(len(key_M), 1), key_M, tuple(active.shape[2:]), x.num_images, 2 * x.stride)
    return from_dense(dense, like)


def cut(dense: Tensor, like: SparseTensor) -> Tensor:
    """Images of an odd length have one site less than twice those of half the resolution."""
    for axis, length in enumerate(like.shape):
        dense = dense.narrow(2 + axis, 0, length)
    return dense
