"""CVN: classifies whole events; a tower of inception modules for each view, and one module where the views meet.

The Convolutional Visual Network of NOvA (1604.01444): a siamese form of GoogLeNet (1409.4842) for two views of 100 x 80
cells. Towers are apart, as there, or share their weights. Number and widths of modules are ours, after GoogLeNet's
first, and so is the batch norm; `norm: local_response` has GoogLeNet's two local response norms instead.
Shapes: I images, B events, T towers, C channels, S the axes of an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from nuweave.config.models import CVNConfig
from nuweave.models.classic import GlobalAverage, LocalResponseNorm, conv_relu, max_pool
from nuweave.models.heads import EventHeads
from nuweave.models.logits import Logits
from nuweave.sparse import SparseTensor, to_dense

LOCAL_CHANNELS = 5  # that a local response norm looks at


class CVN(nn.Module):
    """Towers, an inception module where the views meet, the mean over its map, heads."""

    def __init__(self, config: CVNConfig, *, num_planes: int, num_outputs: Mapping[str, int]) -> None:
        super().__init__()
        width, batch_norm = 8 * config.num_filters, config.norm == "batch"
        num_towers = 1 if config.shared_towers else num_planes
        self.num_planes = num_planes
        self.towers = nn.ModuleList(tower(config.num_filters, batch_norm=batch_norm) for _ in range(num_towers))
        self.merge = nn.Sequential(Inception(num_planes * width, width, batch_norm=batch_norm), GlobalAverage())
        self.heads = EventHeads(width, num_outputs, num_hidden=0, dropout=config.dropout)

    def forward(self, x: SparseTensor) -> Logits:
        """Logits of every head for every event of `x` (one channel, images = event * num_planes + plane)."""
        images_ICS, num_towers = to_dense(x), len(self.towers)
        views = [tower(images_ICS[first::num_towers]) for first, tower in enumerate(self.towers)]
        views_ITCS = torch.stack(views, dim=1)
        num_channels, *sites = views_ITCS.shape[2:]
        event_BCS = views_ITCS.reshape(x.num_images // self.num_planes, self.num_planes * num_channels, *sites)
        return Logits(heads=self.heads(self.merge(event_BCS)))


def tower(num_filters: int, *, batch_norm: bool) -> nn.Sequential:
    """A view to 8 * num_filters channels at a sixteenth of its resolution: 100 x 80 cells to 6 x 5."""
    conv, pool = partial(conv_relu, ndim=2, batch_norm=batch_norm), partial(max_pool, ndim=2, ceil_mode=True)
    local = nn.Identity if batch_norm else partial(LocalResponseNorm, LOCAL_CHANNELS)
    return nn.Sequential(
        conv(1, num_filters, kernel_size=7, stride=2),
        pool(),
        local(),
        conv(num_filters, num_filters, kernel_size=1),
        conv(num_filters, 3 * num_filters, kernel_size=3),
        local(),
        pool(),
        Inception(3 * num_filters, 4 * num_filters, batch_norm=batch_norm),
        Inception(4 * num_filters, 8 * num_filters, batch_norm=batch_norm),
        pool(),
        Inception(8 * num_filters, 8 * num_filters, batch_norm=batch_norm),
    )


class Inception(nn.Module):
    """Kernels of 1, 3 and 5 and a pool side by side, each behind or before a cheap kernel of 1 (1409.4842).

    They get 1/4, 1/2, 1/8 and 1/8 of the channels, as in the first module there.
    """

    def __init__(self, num_inputs: int, width: int, *, batch_norm: bool) -> None:
        super().__init__()
        conv = partial(conv_relu, ndim=2, batch_norm=batch_norm)
        narrow_3, narrow_5 = 3 * width // 8, width // 16
        self.branches = nn.ModuleList(
            [
                conv(num_inputs, width // 4, kernel_size=1),
                nn.Sequential(conv(num_inputs, narrow_3, kernel_size=1), conv(narrow_3, width // 2, kernel_size=3)),
                nn.Sequential(conv(num_inputs, narrow_5, kernel_size=1), conv(narrow_5, width // 8, kernel_size=5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(num_inputs, width // 8, kernel_size=1)),
            ]
        )

    def forward(self, x_BCS: Tensor) -> Tensor:
        """[B, width, *S]."""
        return torch.cat([branch(x_BCS) for branch in self.branches], dim=1)
