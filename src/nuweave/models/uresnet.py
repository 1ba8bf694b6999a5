"""UResNet: labels every active site; it sees its surroundings at every scale and, in the deepest level, other planes.

A sparse counterpart of CosmicTagger's network (2012.01301). Planes share all weights. The deepest level is dense, where
sparse images are nearly full anyway, and the only place where planes of one event meet.
Shapes: N sites, C channels, K classes, B events.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from nuweave.config.models import UResNetConfig
from nuweave.models.logits import Logits
from nuweave.sparse import (
    InverseConv,
    NormReLU,
    ResidualBlock,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    from_dense,
    to_dense,
)


class UResNet(nn.Module):
    """Stem, levels on the way down, a dense mix of planes, levels on the way up, one linear layer a site."""

    def __init__(self, config: UResNetConfig, *, ndim: int, num_planes: int, num_outputs: int) -> None:
        super().__init__()
        widths = [config.num_filters * (level + 1) for level in range(config.depth + 1)]
        self.stem = SubmanifoldConv(1, widths[0], ndim=ndim, kernel_size=5)
        self.down = nn.ModuleList(
            DownLevel(width, below, num_blocks=config.blocks_per_level, ndim=ndim)
            for width, below in itertools.pairwise(widths)
        )
        self.mix = PlaneMix(widths[-1], config, ndim=ndim, num_planes=num_planes)
        self.up = nn.ModuleList(
            UpLevel(width, below, num_blocks=config.blocks_per_level, ndim=ndim)
            for width, below in itertools.pairwise(widths)
        )
        self.last = NormReLU(widths[0])
        self.classify = nn.Linear(widths[0], num_outputs)

    def forward(self, x: SparseTensor) -> Logits:
        """Logits in the order of the sites of `x` (one channel, images = event * num_planes + plane)."""
        x, skips = self.stem(x), []
        for level in self.down:
            skip, x = level(x)
            skips.append(skip)
        x = self.mix(x)
        for level, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = level(x, skip)
        return Logits(sites_NK=self.classify(self.last(x).feat_NC))


class DownLevel(nn.Module):
    """Residual blocks, then half the resolution at the width of the level below."""

    def __init__(self, width: int, below: int, *, num_blocks: int, ndim: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ResidualBlock(width, ndim=ndim) for _ in range(num_blocks)))
        self.act = NormReLU(width)
        self.down = StridedConv(width, below, ndim=ndim)

    def forward(self, x: SparseTensor) -> tuple[SparseTensor, SparseTensor]:
        """The features that the way up sees again, and the input of the level below."""
        x = self.blocks(x)
        return x, self.down(self.act(x))


class UpLevel(nn.Module):
    """Back to the sites of this level, joined with what the way down had there, then residual blocks.

    A sum of the two, each through its own weights, is a linear layer on their concatenation, without the copy.
    """

    def __init__(self, width: int, below: int, *, num_blocks: int, ndim: int) -> None:
        super().__init__()
        self.act = NormReLU(below)
        self.up = InverseConv(below, width, ndim=ndim)
        self.skip = nn.Linear(width, width, bias=False)
        self.blocks = nn.Sequential(*(ResidualBlock(width, ndim=ndim) for _ in range(num_blocks)))

    def forward(self, x: SparseTensor, skip: SparseTensor) -> SparseTensor:
        """Features on the sites of `skip`."""
        up = self.up(self.act(x), skip)
        out: SparseTensor = self.blocks(up.replace(up.feat_NC + self.skip(skip.feat_NC)))
        return out


class PlaneMix(nn.Module):
    """The deepest level: planes of an event side by side as channels of one dense image."""

    def __init__(self, width: int, config: UResNetConfig, *, ndim: int, num_planes: int) -> None:
        super().__init__()
        convolution = conv_of(ndim)
        self.num_planes = num_planes
        self.act = NormReLU(width)
        self.merge = convolution(num_planes * width, config.bottleneck, kernel_size=1)
        self.blocks = nn.Sequential(*(DenseBlock(config.bottleneck, ndim=ndim) for _ in range(config.blocks_deepest)))
        self.split = convolution(config.bottleneck, num_planes * width, kernel_size=1, bias=False)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """The input plus what its event adds, on the same sites."""
        dense = to_dense(self.act(x))
        event_BC = dense.reshape(x.num_images // self.num_planes, self.num_planes * dense.shape[1], *x.shape)
        mixed = self.split(self.blocks(self.merge(event_BC))).reshape(dense.shape)
        return x.replace(x.feat_NC + from_dense(mixed, x).feat_NC)


class DenseBlock(nn.Module):
    """Residual block on dense images, normalised an event at a time."""

    def __init__(self, width: int, *, ndim: int) -> None:
        super().__init__()
        convolution = conv_of(ndim)
        self.branch = nn.Sequential(
            nn.GroupNorm(1, width),
            nn.ReLU(),
            convolution(width, width, kernel_size=3, padding=1),
            nn.GroupNorm(1, width),
            nn.ReLU(),
            convolution(width, width, kernel_size=3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """An image of the same shape."""
        branch: Tensor = self.branch(x)
        return x + branch


def conv_of(ndim: int) -> type[nn.Conv2d] | type[nn.Conv3d]:
    """Torch's convolution of that many dimensions."""
    return nn.Conv2d if ndim == 2 else nn.Conv3d
