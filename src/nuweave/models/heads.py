"""What stands at the end of a network.

Shapes: B events, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


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
        return {head: layers(features_BF) for head, layers in self.heads.items()}


def _head(num_inputs: int, num_classes: int, num_hidden: int, dropout: float) -> nn.Module:
    if not num_hidden:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(num_inputs, num_classes))
    hidden = nn.Linear(num_inputs, num_hidden)
    return nn.Sequential(hidden, nn.Dropout(dropout), nn.LeakyReLU(), nn.Linear(num_hidden, num_classes))
