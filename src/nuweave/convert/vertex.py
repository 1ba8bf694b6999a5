"""The sites that stand for a vertex in an image; D axes of the image. Pure functions."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from nuweave.store import Clusters, SparseImage


def sites_around(middle_D: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """int64[up to 3^D], ascending: a site, in whole numbers, and its neighbours; none if it is outside of the image."""
    around = np.array(list(itertools.product((-1, 0, 1), repeat=len(shape)))) + middle_D
    inside = np.all((around >= 0) & (around < shape), axis=1) & np.all((middle_D >= 0) & (middle_D < shape))
    return np.sort(np.ravel_multi_index(tuple(around[inside].astype(np.int64).T), shape)).astype(np.int64)


def one_cluster(image: SparseImage) -> Clusters:
    """All sites of an image, perhaps none, as one cluster."""
    return Clusters(image, lengths=np.array([len(image.ids)]), numbers=np.zeros(1, np.int64))
