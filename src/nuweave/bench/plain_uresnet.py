"""CosmicTagger's A21 network (2012.01301) in plain torch layers: what our dense one is measured against.

It computes as the reference does: planes one after the other, each with its own batch statistics, through layers that
they share; the 1x1 convolution after the interpolation; every activation a new tensor. Our own makes one batch of the
planes. With running statistics both are the same function.
Shapes: N sites, B events (one), C channels, H x W an image, K classes.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from nuweave.models import Logits
from nuweave.sparse import SparseTensor, to_dense

NUM_PLANES, NUM_CLASSES = 3, 3
DEPTH, NUM_FILTERS, BOTTLENECK = 6, 8, 256
BLOCKS_PER_LEVEL, BLOCKS_DEEPEST, KERNEL_DEEPEST, STEM_KERNEL = 2, 5, 5, 5
SLOPE = 0.01

Planes = list[Tensor]  # of each plane [B, C, H, W]


class PlainUResNet(nn.Module):
    """Additive growth, plain blocks, sums on the way up; parameters in the order of our own."""

    def __init__(self) -> None:
        super().__init__()
        widths = [NUM_FILTERS * (level + 1) for level in range(DEPTH + 1)]
        joined = NUM_PLANES * widths[-1]
        self.stem = Block(1, NUM_FILTERS, STEM_KERNEL)
        self.down = nn.ModuleList(Down(*pair) for pair in pairwise(widths))
        self.merge = Block(joined, BOTTLENECK, 1)
        self.deepest = nn.Sequential(*(Block(BOTTLENECK, BOTTLENECK, KERNEL_DEEPEST) for _ in range(BLOCKS_DEEPEST)))
        self.split = Block(BOTTLENECK, joined, 1)
        self.up = nn.ModuleList(Up(below, width) for width, below in pairwise(widths))
        self.classify = nn.Conv2d(NUM_FILTERS, NUM_CLASSES, 1)

    def forward(self, x: SparseTensor) -> Logits:
        """Logits at the active sites of one event."""
        images_BPHW = to_dense(x).view(1, NUM_PLANES, *x.shape)  # so no plane passes for one with channels innermost
        planes = self.planes(list(images_BPHW.chunk(NUM_PLANES, dim=1)))
        counts: list[int] = x.images().count_I.tolist()
        sites = torch.split(x.key_N % math.prod(x.shape), counts)
        rows = [plane[0].flatten(1).index_select(1, site_N).T for plane, site_N in zip(planes, sites, strict=True)]
        return Logits(torch.cat(rows))

    def planes(self, planes: Planes) -> Planes:
        """Logits of each plane, [B, K, H, W]."""
        planes = _each(self.stem, planes)
        skips = []
        for level in self.down:
            skips.append(planes)
            planes = _each(level, planes)
        joined = self.split(self.deepest(self.merge(torch.cat(planes, dim=1))))
        planes = list(joined.chunk(NUM_PLANES, dim=1))
        for level, skip in zip(reversed(self.up), reversed(skips), strict=True):
            planes = [level(x, s) for x, s in zip(planes, skip, strict=True)]
        return _each(self.classify, planes)


class Block(nn.Module):
    """Convolution, batch norm, activation."""

    def __init__(self, num_inputs: int, num_outputs: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_inputs, num_outputs, kernel_size, padding=kernel_size // 2)
        self.norm = nn.BatchNorm2d(num_outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W]."""
        return functional.leaky_relu(self.norm(self.conv(x_BCHW)), SLOPE)


class Down(nn.Module):
    """Blocks, then half the resolution."""

    def __init__(self, width: int, below: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(width, width, 3) for _ in range(BLOCKS_PER_LEVEL)))
        self.pool = nn.MaxPool2d(2)
        self.widen = Block(width, below, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H / 2, W / 2]."""
        below: Tensor = self.widen(self.pool(self.blocks(x_BCHW)))
        return below


class Up(nn.Module):
    """Twice the resolution, plus what the way down had there, then blocks."""

    def __init__(self, below: int, width: int) -> None:
        super().__init__()
        self.rise = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.narrow = Block(below, width, 1)
        self.blocks = nn.Sequential(*(Block(width, width, 3) for _ in range(BLOCKS_PER_LEVEL)))

    def forward(self, x_BCHW: Tensor, skip_BCHW: Tensor) -> Tensor:
        """[B, C, 2 H, 2 W]."""
        out: Tensor = self.blocks(self.narrow(self.rise(x_BCHW)) + skip_BCHW)
        return out


def _each(layer: nn.Module, planes: Planes) -> Planes:
    return [layer(plane) for plane in planes]
