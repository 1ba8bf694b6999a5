"""ResNet: classifies whole events, several questions at once, from the active sites of all planes.

A sparse residual encoder in the manner of SparseEventID (1912.10133). Planes share the encoder and keep their identity
where they are joined.
Shapes: I images, B events, C channels, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nuweave.config.models import ResNetConfig
from nuweave.models.logits import Logits
from nuweave.sparse import (
    NormReLU,
    ResidualBlock,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    pool_max,
    pool_mean,
)

TYPICAL_LOG_SIZE = 6.0  # of images with exp(6) = 400 sites


class ResNet(nn.Module):
    """Stem, levels of residual blocks, pooling over active sites, one linear layer a head."""

    def __init__(self, config: ResNetConfig, *, ndim: int, num_planes: int, num_outputs: Mapping[str, int]) -> None:
        super().__init__()
        widths = [config.num_filters * (level + 1) for level in range(config.depth + 1)]
        self.num_planes = num_planes
        self.stem = SubmanifoldConv(1, widths[0], ndim=ndim, kernel_size=5)
        levels: list[nn.Module] = []
        for level, width in enumerate(widths):
            levels += [ResidualBlock(width, ndim=ndim) for _ in range(config.blocks_per_level)]
            levels += [NormReLU(width)]
            levels += [StridedConv(width, widths[level + 1], ndim=ndim)] if level < config.depth else []
        self.levels = nn.Sequential(*levels)
        self.norm = nn.LayerNorm(2 * widths[-1])
        self.join = nn.Sequential(
            nn.Linear(num_planes * (2 * widths[-1] + 2), config.num_features),
            nn.ReLU(),
            nn.Linear(config.num_features, config.num_features),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.heads = nn.ModuleDict({head: nn.Linear(config.num_features, num) for head, num in num_outputs.items()})

    def forward(self, x: SparseTensor) -> Logits:
        """Logits of every head for every event of `x` (one channel, images = event * num_planes + plane)."""
        deep = self.levels(self.stem(x))
        pooled_IC = self.norm(torch.cat([pool_mean(deep), pool_max(deep)], dim=1).to(self.norm.weight.dtype))
        pooled_IC = torch.cat([pooled_IC, sizes(x).to(pooled_IC.dtype)], dim=1)
        features_BF = self.join(pooled_IC.reshape(-1, self.num_planes * pooled_IC.shape[1]))
        return Logits(heads={head: linear(features_BF) for head, linear in self.heads.items()})


def sizes(x: SparseTensor) -> Tensor:
    """Logarithms of the number of sites and of the sum of features of each image, [I, 2]: a mean forgets both.

    They count from TYPICAL_LOG_SIZE, so that a linear layer sees how events differ, not what they have in common.
    """
    num_I = x.images().count_I
    sum_I = pool_mean(x)[:, 0] * num_I
    return torch.stack([num_I, sum_I.clamp(min=0)], dim=1).log1p() - TYPICAL_LOG_SIZE
