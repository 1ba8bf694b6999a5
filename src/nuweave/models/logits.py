"""What networks are asked for and what they return.

Shapes: N sites, I images, B events, K classes, D axes of an image, G anchors along an axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

NOTHING = torch.empty(0)


@dataclass(frozen=True)
class AnchorOutputs:
    """One box of `stride` sites along each axis of an image an anchor; what finds a point in the image of each plane.

    Attributes:
        stride: sites along each axis of a box, a power of two.
        num_filters: channels of the head.
        num_blocks: blocks of the head.
        detach: whether the head leaves the network behind it alone, with no gradient into it.
    """

    stride: int
    num_filters: int
    num_blocks: int
    detach: bool


@dataclass(frozen=True)
class Outputs:
    """What a network is asked for.

    Attributes:
        site_classes: classes of a site; 0: sites are not labelled.
        event_classes: head -> classes of an event.
        anchors: the anchor grid of every image, if any.
    """

    site_classes: int = 0
    event_classes: Mapping[str, int] = field(default_factory=dict)
    anchors: AnchorOutputs | None = None


class Logits(NamedTuple):
    """What a network returns; what it was not asked for is empty.

    Attributes:
        sites_NK: a score a class for every active site, in their order.
        heads: head -> [B, K], a score a class for every event.
        anchors_IAG: [I, 1 + D, *grid], for every box of every image a score that the point lies in it, then where
            along each axis, a logit of the share of the box.
    """

    sites_NK: Tensor = NOTHING
    heads: dict[str, Tensor] = {}  # noqa: RUF012  (never changed)
    anchors_IAG: Tensor = NOTHING
