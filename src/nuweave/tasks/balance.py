"""Losses that do not let the frequent or the easy drown the rest.

Shape letters: N items (sites, events), K classes.
Source: CosmicTagger (2012.01301) for even; focal loss of 1708.02002.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nuweave.tasks.protocol import LossTerms

FOCAL_GAMMA = 2.0


def even_terms(entropy_N: Tensor, class_N: Tensor, num_classes: int) -> LossTerms:
    """A term a class, each the mean over its items divided by the number of classes; an absent class adds 0.

    Args:
        entropy_N: cross entropies.
        class_N: true class of each.
        num_classes: K.
    """
    is_class_NK = functional.one_hot(class_N, num_classes)
    sums_K = (is_class_NK * entropy_N[:, None]).sum(dim=0) / num_classes
    return LossTerms(sums_K, is_class_NK.sum(dim=0, dtype=torch.float64))


def focal_weights(entropy_N: Tensor) -> Tensor:
    """(1 - p)^gamma of entropies -log(p): items that are found already count little."""
    return (1 - torch.exp(-entropy_N)) ** FOCAL_GAMMA
