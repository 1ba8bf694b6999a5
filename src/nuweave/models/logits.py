"""What networks return.

Shapes: N sites, B events, K classes.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class SegmentationLogits(NamedTuple):
    """A score a class for every active site."""

    logits_NK: Tensor


class EventLogits(NamedTuple):
    """A score a class for every event, [B, K] a head."""

    heads: dict[str, Tensor]
