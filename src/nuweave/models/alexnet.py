"""AlexNet: classifies whole events the way that deep learning on images began, planes as the colours of one image.

Five convolutions and two fully connected layers in the manner of Krizhevsky, Sutskever and Hinton (2012), narrow, with
batch norm in place of local response norm. `head: global_average` replaces the fully connected layers, where most of
the weights are, by those of network in network (1312.4400): a map a feature, and its mean.
Shapes: B events, P planes, S the axes of an image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from torch import nn

from nuweave.config.models import AlexNetConfig
from nuweave.models.classic import GlobalAverage, conv_relu, max_pool
from nuweave.models.heads import EventHeads
from nuweave.models.logits import Logits
from nuweave.sparse import SparseTensor, to_dense

NUM_POOLS = 3


class AlexNet(nn.Module):
    """Convolutions and pools, a head of either kind, one linear layer a question."""

    def __init__(
        self, config: AlexNetConfig, *, num_planes: int, shape: tuple[int, ...], num_outputs: Mapping[str, int]
    ) -> None:
        super().__init__()
        width = config.num_filters
        conv, pool = partial(conv_relu, ndim=len(shape)), partial(max_pool, ndim=len(shape))
        self.num_planes = num_planes
        self.convolutions = nn.Sequential(
            conv(num_planes, width, kernel_size=11, stride=4),
            pool(),
            conv(width, 3 * width, kernel_size=5),
            pool(),
            conv(3 * width, 4 * width, kernel_size=3),
            conv(4 * width, 4 * width, kernel_size=3),
            conv(4 * width, 3 * width, kernel_size=3),
            pool(),
        )
        num_features = 16 * width
        if config.head == "fully_connected":
            self.features = nn.Sequential(
                nn.Flatten(),
                nn.Linear(3 * width * math.prod(_sites_left(num) for num in shape), num_features),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(num_features, num_features),
                nn.ReLU(),
            )
        else:
            self.features = nn.Sequential(
                conv(3 * width, num_features, kernel_size=1),
                conv(num_features, num_features, kernel_size=1),
                GlobalAverage(),
            )
        self.heads = EventHeads(num_features, num_outputs, num_hidden=0, dropout=config.dropout)

    def forward(self, x: SparseTensor) -> Logits:
        """Logits of every head for every event of `x` (one channel, images = event * num_planes + plane)."""
        event_BPS = to_dense(x).reshape(x.num_images // self.num_planes, self.num_planes, *x.shape)
        return Logits(heads=self.heads(self.features(self.convolutions(event_BPS))))


def _sites_left(num: int) -> int:
    """Of `num` sites along an axis, behind the last pool."""
    num = (num - 1) // 4 + 1
    for _ in range(NUM_POOLS):
        num = (num - 1) // 2
    return num
