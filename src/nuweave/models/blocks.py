"""The blocks that networks repeat, from either kind of layers.

Sources: plain and residual blocks as in CosmicTagger (2012.01301) and 1512.03385, pre-activation 1603.05027, ConvNeXt
2201.03545.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from nuweave.config.models import BlockConfig
from nuweave.models.features import GELU, Features, LeakyReLU, add
from nuweave.models.layers import Layers

CONVNEXT_KERNEL = 7
CONVNEXT_WIDENING = 4


class ConvBlock(nn.Sequential):
    """A convolution with what stands before and after it."""


class ResidualBlock(nn.Module):
    """x plus what two convolutions make of it, then an activation."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.act = LeakyReLU()

    def forward(self, x: Features) -> Features:
        """Features at the same places."""
        branch: Features = self.branch(x)
        out: Features = self.act(add(x, branch))
        return out


class ShortcutBlock(nn.Module):
    """x, untouched, plus what its branch makes of it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Features) -> Features:
        """Features at the same places."""
        branch: Features = self.branch(x)
        return add(x, branch)


@dataclass(frozen=True)
class Blocks:
    """Makes blocks of one kind of layers and one style.

    Attributes:
        layers: on active sites or on whole images.
        config: style of the blocks, norm and bias.
    """

    layers: Layers
    config: BlockConfig

    def ahead(self, num_inputs: int) -> list[nn.Module]:
        """What stands before a convolution, or a mean, that reads features: norm and activation, or nothing."""
        if self.config.block != "preactivation":
            return []
        return [self.layers.norm(self.config.norm, num_inputs), LeakyReLU()]

    def behind(self, num_outputs: int, *, active: bool = True) -> list[nn.Module]:
        """What stands after a convolution: norm and activation, unless they stand before it."""
        if self.config.block == "preactivation":
            return []
        return [self.layers.norm(self.config.norm, num_outputs), *([LeakyReLU()] if active else [])]

    def stem(self, num_outputs: int, *, kernel_size: int) -> ConvBlock:
        """From the one channel of the input."""
        convolution = self.layers.convolution(1, num_outputs, kernel_size=kernel_size, bias=self.config.bias)
        return ConvBlock(convolution, *self.behind(num_outputs))

    def convolve(self, num_inputs: int, num_outputs: int, *, kernel_size: int, active: bool = True) -> ConvBlock:
        """Convolution with norm and activation."""
        convolution = self.layers.convolution(num_inputs, num_outputs, kernel_size=kernel_size, bias=self.config.bias)
        return ConvBlock(*self.ahead(num_inputs), convolution, *self.behind(num_outputs, active=active))

    def strided(self, num_inputs: int, num_outputs: int) -> ConvBlock:
        """Half the resolution, by a convolution with norm and activation."""
        convolution = self.layers.strided(num_inputs, num_outputs, bias=self.config.bias)
        return ConvBlock(*self.ahead(num_inputs), convolution, *self.behind(num_outputs))

    def series(self, num: int, width: int, *, kernel_size: int = 3) -> nn.Sequential:
        """`num` blocks of that width, one after the other."""
        return nn.Sequential(*(self._block(width, kernel_size) for _ in range(num)))

    def _block(self, width: int, kernel_size: int) -> nn.Module:
        match self.config.block:
            case "plain":
                return self.convolve(width, width, kernel_size=kernel_size)
            case "residual" | "preactivation":
                first = self.convolve(width, width, kernel_size=kernel_size)
                second = self.convolve(width, width, kernel_size=kernel_size, active=False)
                branch = nn.Sequential(first, second)
                return ResidualBlock(branch) if self.config.block == "residual" else ShortcutBlock(branch)
            case "convnext":
                return ShortcutBlock(self._convnext(width))

    def _convnext(self, width: int) -> nn.Sequential:
        wide = CONVNEXT_WIDENING * width
        return nn.Sequential(
            self.layers.depthwise(width, kernel_size=CONVNEXT_KERNEL, bias=self.config.bias),
            self.layers.norm(self.config.norm, width),
            self.layers.convolution(width, wide, kernel_size=1, bias=self.config.bias),
            GELU(),
            self.layers.convolution(wide, width, kernel_size=1, bias=self.config.bias),
        )
