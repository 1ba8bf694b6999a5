"""What the dense classifiers are made of: convolutions with norm and ReLU, pools, the local norm, the mean of a map.

Shapes: B events, C channels, S the axes of an image.
"""

from __future__ import annotations

from torch import Tensor, nn

from nuweave.models.blocks import ConvBlock
from nuweave.models.dense import DenseBatchNorm
from nuweave.sparse import wide

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_MAX_POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


def conv_relu(
    num_inputs: int, num_outputs: int, *, ndim: int, kernel_size: int, stride: int = 1, batch_norm: bool = True
) -> ConvBlock:
    """Convolution with an odd kernel, centred, then ReLU; with a batch norm between them in place of a bias.

    Weights start at the scale that keeps the variance (1502.01852): without a norm nothing else would.
    """
    convolution = _CONVOLUTION[ndim](
        num_inputs, num_outputs, kernel_size, stride=stride, padding=kernel_size // 2, bias=not batch_norm
    )
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return ConvBlock(convolution, *([DenseBatchNorm(num_outputs)] if batch_norm else []), nn.ReLU())


def max_pool(*, ndim: int, ceil_mode: bool = False) -> nn.Module:
    """The overlapping pool of AlexNet: windows of 3, a step of 2; `ceil_mode` keeps windows that the edge cuts."""
    return _MAX_POOL[ndim](3, stride=2, ceil_mode=ceil_mode)


class LocalResponseNorm(nn.LocalResponseNorm):
    """Each value by the sum of squares of the channels around it, as AlexNet has it; in float32, as torch can."""

    def forward(self, x_BCS: Tensor) -> Tensor:
        """[B, C, *S]."""
        return super().forward(x_BCS.to(wide(x_BCS.dtype))).to(x_BCS.dtype)


class GlobalAverage(nn.Module):
    """Mean over all places of a map (1312.4400)."""

    def forward(self, x_BCS: Tensor) -> Tensor:
        """[B, C]."""
        return x_BCS.flatten(2).mean(2)
