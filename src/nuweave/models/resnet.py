"""ResNet: an encoder that classifies whole events, several questions at once, from all their planes.

Plain, residual or ConvNeXt blocks, on active sites or on whole images, of two dimensions or three; the networks of
SparseEventID (1912.10133) and, with four levels of 2 to 6 blocks, those of 1512.03385. Where the latter halve the
resolution inside of a block and project its shortcut, a convolution of its own stands between two levels here.
Shapes: I images, C channels, S axes of an image, B events, F features.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nuweave.config.models import ResNetConfig
from nuweave.models.blocks import Blocks
from nuweave.models.dense import max_pool
from nuweave.models.features import Features, replace, values_of
from nuweave.models.heads import AnchorHead, EventHeads, image_mean, planes_together
from nuweave.models.layers import DenseLayers, Layers, SparseLayers
from nuweave.models.logits import NOTHING, Logits, Outputs
from nuweave.sparse import SparseTensor, pool_max, pool_mean, to_dense, wide

STEM_KERNEL = 5
TYPICAL_LOG_SIZE = 6.0  # of images with exp(6) = 400 sites


class ResNet(nn.Module):
    """Stem, levels of blocks, pooling over each image, planes together, a small network a head."""

    def __init__(self, config: ResNetConfig, outputs: Outputs, *, ndim: int, num_planes: int) -> None:
        super().__init__()
        self.config, self.num_planes = config, num_planes
        layers: Layers = DenseLayers(ndim) if config.layout == "dense" else SparseLayers(ndim)
        make = Blocks(layers, config)
        widths = [config.width(level) for level in range(len(config.blocks))]
        self.stem = make.stem(widths[0], kernel_size=STEM_KERNEL)
        self.levels = nn.Sequential(make.series(config.blocks[0], widths[0]))
        for level in range(1, len(widths)):
            self.levels.append(make.strided(widths[level - 1], widths[level]))
            self.levels.append(make.series(config.blocks[level], widths[level]))
        self.anchors: nn.Module | None = None
        if outputs.anchors:
            config.anchor_level(outputs.anchors.stride)
            self.anchors = AnchorHead(outputs.anchors, config, ndim=ndim, num_inputs=widths[-1])
        self.project = nn.Sequential(*(make.ahead(widths[-1]) if outputs.event_classes else []))
        if config.num_features and outputs.event_classes:
            self.project.append(layers.convolution(widths[-1], config.num_features, kernel_size=1, bias=True))
            self.project.append(Tanh())
        num_pooled = config.num_features or widths[-1]
        num_pooled = 2 * num_pooled + 2 if config.pool == "mean_and_max" else num_pooled
        num_joined = num_pooled * (num_planes if config.planes == "join" else 1)
        self.heads = EventHeads(num_joined, outputs.event_classes, num_hidden=config.num_hidden, dropout=config.dropout)

    def forward(self, x: SparseTensor) -> Logits:
        """Logits of `x` (one channel, images = event * num_planes + plane)."""
        deep = self.levels(self.stem(to_dense(x) if self.config.layout == "dense" else x))
        anchors_IAG = NOTHING if self.anchors is None else self.anchors(deep)
        if not self.heads.heads:
            return Logits(anchors_IAG=anchors_IAG)
        pooled_IF = self._pooled(self.project(deep), x)
        joined_BF = planes_together(pooled_IF, self.num_planes)
        if self.config.planes == "mean":
            joined_BF = joined_BF.view(-1, self.num_planes, pooled_IF.shape[1]).mean(dim=1)
        return Logits(heads=self.heads(joined_BF), anchors_IAG=anchors_IAG)

    def _pooled(self, deep: SparseTensor | Tensor, x: SparseTensor) -> Tensor:
        """What is kept of each image, float32 or wider [I, F]."""
        if self.config.pool == "mean_of_all":
            return mean_of_all(deep)
        mean_IC, max_IC = active_mean_and_max(deep, x)
        if self.config.pool == "mean":
            return mean_IC
        return torch.cat([mean_IC, max_IC, sizes(x).to(mean_IC.dtype)], dim=1)


class Tanh(nn.Module):
    """As torch's."""

    def forward(self, x: Features) -> Features:
        """Features at the same places."""
        return replace(x, torch.tanh(values_of(x)))


def mean_of_all(deep: SparseTensor | Tensor) -> Tensor:
    """Mean over all sites of each image [I, C]; a site that is not active counts as zero."""
    if not isinstance(deep, SparseTensor):
        return image_mean(deep)
    share_I = deep.images().count_I / math.prod(deep.shape)
    return pool_mean(deep) * share_I[:, None]


def active_mean_and_max(deep: SparseTensor | Tensor, x: SparseTensor) -> tuple[Tensor, Tensor]:
    """Mean and largest of each feature over the sites of each image that stand for an active one of `x`, [I, C] each.

    Both are zero for an image without sites.
    """
    if isinstance(deep, SparseTensor):
        return pool_mean(deep), pool_max(deep)
    window = x.shape[0] // deep.shape[2]
    active_IS = max_pool(to_dense(x.replace(torch.ones_like(x.feat_NC))), window).flatten(1)
    wide_ICS = deep.to(wide(deep.dtype)).flatten(2)
    num_I1 = active_IS.sum(dim=1, keepdim=True)
    mean_IC = (wide_ICS * active_IS[:, None]).sum(dim=2) / num_I1.clamp(min=1)
    largest_IC = wide_ICS.masked_fill(active_IS[:, None] == 0, -math.inf).amax(dim=2)
    return mean_IC, largest_IC.masked_fill(num_I1 == 0, 0.0)


def sizes(x: SparseTensor) -> Tensor:
    """Logarithms of the number of sites and of the sum of features of each image, [I, 2]: a mean forgets both.

    They count from TYPICAL_LOG_SIZE, so that a linear layer sees how events differ, not what they have in common.
    """
    num_I = x.images().count_I
    sum_I = pool_mean(x)[:, 0] * num_I
    return torch.stack([num_I, sum_I.clamp(min=0)], dim=1).log1p() - TYPICAL_LOG_SIZE
