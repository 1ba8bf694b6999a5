"""What stands at the end of a network.

Shapes: I images, C channels, S axes of an image, B events, F features, K classes, A = 1 + D outputs of a box, G boxes
along an axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from nuweave.config.models import BlockConfig
from nuweave.models.blocks import Blocks
from nuweave.models.layers import DenseLayers
from nuweave.models.logits import AnchorOutputs
from nuweave.sparse import SparseTensor, pool_mean, to_dense, wide

RARE = 0.01  # share of boxes that hold a point, as a network expects before it has learnt anything (1708.02002),
SMALL = 0.01  # and the spread of the last weights, so that no box says otherwise by chance


def image_mean(x: SparseTensor | Tensor) -> Tensor:
    """Mean over the active sites of each image, or over all sites of a dense one; float32 or wider [I, C]."""
    return pool_mean(x) if isinstance(x, SparseTensor) else x.to(wide(x.dtype)).flatten(2).mean(dim=2)


def planes_together(features_IF: Tensor, num_planes: int) -> Tensor:
    """Features of the planes of each event side by side, [B, P * F]."""
    return features_IF.reshape(len(features_IF) // num_planes, num_planes * features_IF.shape[1])


class EventHeads(nn.Module):
    """For every question about an event a layer of its own, or two."""

    def __init__(self, num_inputs: int, event_classes: Mapping[str, int], *, num_hidden: int, dropout: float) -> None:
        """`num_hidden` features between the two layers of a head; 0: one layer, straight to the classes."""
        super().__init__()
        self.heads = nn.ModuleDict(
            {head: _head(num_inputs, num, num_hidden, dropout) for head, num in event_classes.items()}
        )

    def forward(self, features_BF: Tensor) -> dict[str, Tensor]:
        """Head -> logits [B, K]."""
        dtype = next(self.parameters()).dtype
        return {head: layers(features_BF.to(dtype)) for head, layers in self.heads.items()}


def _head(num_inputs: int, num_classes: int, num_hidden: int, dropout: float) -> nn.Module:
    if not num_hidden:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(num_inputs, num_classes))
    hidden = nn.Linear(num_inputs, num_hidden)
    return nn.Sequential(hidden, nn.Dropout(dropout), nn.LeakyReLU(), nn.Linear(num_hidden, num_classes))


class AnchorHead(nn.Module):
    """Boxes of every image, from the features of one level: does the point lie in it, and where."""

    def __init__(self, outputs: AnchorOutputs, config: BlockConfig, *, ndim: int, num_inputs: int) -> None:
        super().__init__()
        make = Blocks(DenseLayers(ndim), config)
        self.detach = outputs.detach
        self.widen = make.convolve(num_inputs, outputs.num_filters, kernel_size=1)
        self.blocks = make.series(outputs.num_blocks, outputs.num_filters)
        self.last = make.layers.convolution(outputs.num_filters, 1 + ndim, kernel_size=1, bias=True)
        nn.init.normal_(self.last.weight_KCE, std=SMALL)
        assert self.last.bias_E is not None
        nn.init.constant_(self.last.bias_E[:1], math.log(RARE / (1 - RARE)))

    def forward(self, x: SparseTensor | Tensor) -> Tensor:
        """Logits [I, A, *G]; boxes without an active site have zeros as their features."""
        dense_ICS = to_dense(x) if isinstance(x, SparseTensor) else x
        logits_IAG: Tensor = self.last(self.blocks(self.widen(dense_ICS.detach() if self.detach else dense_ICS)))
        return logits_IAG
