"""Losses that do not let the frequent or the easy drown the rest.

Shape letters: N items (sites, events), K classes.
Source: CosmicTagger (2012.01301) for even; focal loss of 1708.02002.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FOCAL_GAMMA = 2.0


def even_sums(entropy_N: Tensor, class_N: Tensor, num_classes: int) -> Tensor:
    """float32[K], a term a class: over `even_weights` each is the mean over its items over the number of classes.

    Args:
        entropy_N: cross entropies.
        class_N: true class of each.
        num_classes: K.
    """
    return (functional.one_hot(class_N, num_classes) * entropy_N[:, None]).sum(dim=0) / num_classes


def even_weights(class_N: Tensor, num_classes: int) -> Tensor:
    """float64[K], the number of items of each class."""
    return torch.bincount(class_N, minlength=num_classes).double()


def focal_weights(entropy_N: Tensor) -> Tensor:
    """(1 - p)^gamma of entropies -log(p): items that are found already count little."""
    return (1 - torch.exp(-entropy_N)) ** FOCAL_GAMMA
