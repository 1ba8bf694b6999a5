"""UResNet: labels every active site; it sees its surroundings at every scale and, in the deepest level, other planes.

The network of CosmicTagger (2012.01301), on active sites or on whole images, of two dimensions or three. Planes share
all weights and meet in the deepest level only.
Shapes: N sites, I images, C channels, S axes of an image, P planes.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from nuweave.config.models import UResNetConfig
from nuweave.models.blocks import Blocks
from nuweave.models.dense import channels_innermost
from nuweave.models.features import Features, add
from nuweave.models.heads import AnchorHead, EventHeads, image_mean, planes_together
from nuweave.models.layers import DenseLayers, Layers, PlaneAxisLayers, SparseLayers
from nuweave.models.logits import NOTHING, Logits, Outputs
from nuweave.sparse import SparseTensor, from_dense, to_dense

STEM_KERNEL = 5


class UResNet(nn.Module):
    """Stem, levels on the way down, a mix of planes, levels on the way up, one linear layer a site.

    Events are classified from the deepest level, and boxes are tapped on the way up at their own level. The way up ends
    where nothing above is asked for.
    """

    def __init__(self, config: UResNetConfig, outputs: Outputs, *, ndim: int, num_planes: int) -> None:
        super().__init__()
        depth, widths = config.depth, [config.width(level) for level in range(config.depth + 1)]
        self.num_planes, self.first_dense = num_planes, config.first_dense
        layers: list[Layers] = [
            DenseLayers(ndim) if level >= self.first_dense else SparseLayers(ndim) for level in range(depth + 1)
        ]
        finest = Blocks(layers[0], config)
        self.stem = finest.stem(widths[0], kernel_size=STEM_KERNEL)
        self.down = nn.ModuleList(DownLevel(Blocks(layers[i], config), config, i) for i in range(depth))
        self.deepest = Deepest(config, layers[-1], num_planes)
        self.anchors: nn.Module | None = None
        self.anchor_level = config.anchor_level(outputs.anchors.stride) if outputs.anchors else depth
        if outputs.anchors:
            self.anchors = AnchorHead(outputs.anchors, config, ndim=ndim, num_inputs=widths[self.anchor_level])
        self.last_level = 0 if outputs.site_classes else self.anchor_level
        rising = range(self.last_level, depth)
        self.up = nn.ModuleDict({str(i): UpLevel(Blocks(layers[i], config), config, i) for i in rising})
        self.classify: nn.Module | None = None
        if outputs.site_classes:
            last = layers[0].convolution(widths[0], outputs.site_classes, kernel_size=1, bias=True)
            self.final = finest.series(config.blocks_final, widths[0])
            self.classify = nn.Sequential(*finest.ahead(widths[0]), last)
        self.heads: nn.Module | None = None
        if outputs.event_classes:
            self.ahead_of_heads = nn.Sequential(*Blocks(layers[-1], config).ahead(widths[-1]))
            self.heads = EventHeads(num_planes * widths[-1], outputs.event_classes, num_hidden=0, dropout=0.0)

    def forward(self, x: SparseTensor) -> Logits:
        """Logits of `x` (one channel, images = event * num_planes + plane), sites in its order."""
        y: Any = x  # active sites, or whole images
        border, skips = x, []
        for level in range(len(self.down) + 1):
            if level == self.first_dense:
                border, y = y, to_dense(y)
            y = self.stem(y) if level == 0 else y
            if level < len(self.down):
                skip, y = self.down[level](y)
                skips.append(skip)
        y = self.deepest(y)
        heads, anchors_IAG = {}, NOTHING
        if self.heads:
            heads = self.heads(planes_together(image_mean(self.ahead_of_heads(y)), self.num_planes))
        for level in range(len(self.down), self.last_level - 1, -1):
            if level < len(self.down):
                y = from_dense(y, border) if level + 1 == self.first_dense else y
                y = self.up[str(level)](y, skips[level])
            if self.anchors and level == self.anchor_level:
                anchors_IAG = self.anchors(y)
        if self.classify is None:
            return Logits(heads=heads, anchors_IAG=anchors_IAG)
        y = self.classify(self.final(y))
        sites_NK = (from_dense(y, border) if self.first_dense == 0 else y).feat_NC
        return Logits(sites_NK, heads, anchors_IAG)


class DownLevel(nn.Module):
    """Blocks, then half the resolution at the width of the level below."""

    def __init__(self, make: Blocks, config: UResNetConfig, level: int) -> None:
        super().__init__()
        width, below = config.width(level), config.width(level + 1)
        self.skips = config.skips
        self.blocks = make.series(config.blocks_per_level, width)
        by_pooling = nn.Sequential(make.layers.max_pool(), make.convolve(width, below, kernel_size=1))
        self.halve = by_pooling if config.down == "max_pooling" else make.strided(width, below)

    def forward(self, x: Features) -> tuple[Features, Features]:
        """What the way up sees again, and the input of the level below."""
        out: Features = self.blocks(x)
        below: Features = self.halve(out)
        return (out if self.skips == "output" else x), below


class UpLevel(nn.Module):
    """Back to the places of this level, joined with what the way down had there, then blocks.

    Concatenation and the layer after it are one sum of two layers, without the copy. The layer after an interpolation
    goes ahead of it, to a quarter of the sites or fewer: the order makes no difference to the result.
    """

    def __init__(self, make: Blocks, config: UResNetConfig, level: int) -> None:
        super().__init__()
        width, below = config.width(level), config.width(level + 1)
        layers, bias = make.layers, config.bias
        self.connections = config.connections
        self.first: nn.Module = nn.Identity()
        if config.up == "interpolation":
            self.first, self.rise = layers.convolution(below, width, kernel_size=1, bias=bias), layers.interpolation()
        else:
            self.rise = layers.inverse(below, width, bias=bias)
        self.ahead, self.behind = nn.Sequential(*make.ahead(below)), nn.Sequential(*make.behind(width))
        if config.connections == "concat":
            self.of_below = layers.convolution(width, width, kernel_size=1, bias=bias)
            self.of_skip = layers.convolution(width, width, kernel_size=1, bias=False)
            self.behind_join = nn.Sequential(*make.behind(width))
        self.blocks = make.series(config.blocks_per_level, width)

    def forward(self, x: Features, skip: Features) -> Features:
        """Features at the places of `skip`."""
        x = self.behind(self.rise(self.first(self.ahead(x)), skip))
        if self.connections == "concat":
            x = self.behind_join(add(self.of_below(x), self.of_skip(skip)))
        elif self.connections == "sum":
            x = add(x, skip)
        out: Features = self.blocks(x)
        return out


class Deepest(nn.Module):
    """The deepest level: planes of an event side by side as channels, or stacked along an axis, or each by itself."""

    def __init__(self, config: UResNetConfig, layers: Layers, num_planes: int) -> None:
        super().__init__()
        self.mix = config.mix if num_planes > 1 else "none"
        self.num_planes = num_planes
        if self.mix == "axis":
            layers = PlaneAxisLayers(layers.ndim, num_planes)
        make = Blocks(layers, config)
        width = config.width(config.depth) * (num_planes if self.mix == "channels" else 1)
        self.merge = make.convolve(width, config.bottleneck, kernel_size=1)
        self.blocks = make.series(config.blocks_deepest, config.bottleneck, kernel_size=config.kernel_deepest)
        self.split = make.convolve(config.bottleneck, width, kernel_size=1)

    def forward(self, x: Features) -> Features:
        """Features at the same places."""
        if self.mix == "none" or isinstance(x, SparseTensor):
            return self._mixed(x)
        by_plane = x.view(len(x) // self.num_planes, self.num_planes, *x.shape[1:])
        if self.mix == "axis":
            mixed = self._mixed(by_plane.movedim(1, 2)).movedim(2, 1)
        else:
            mixed = self._mixed(by_plane.flatten(1, 2)).view(by_plane.shape)
        return channels_innermost(mixed.flatten(0, 1))

    def _mixed(self, x: Features) -> Features:
        mixed: Features = self.split(self.blocks(self.merge(x)))
        return mixed
