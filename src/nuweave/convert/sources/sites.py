"""From lists of pixels or voxels to images, for sources that hold finished images. Pure functions.

Shape letters: N entries of a list, S sites of an image, D axes, K labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.vertex import one_cluster, sites_around
from nuweave.store import Clusters, SparseImage

SIDE_MULTIPLE = 64  # the largest down-sampling: it divides every image that is padded to this


def padded_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """One shape for images that differ, as all images of an event must be alike: the largest, padded at the end."""
    return tuple(-(-max(sides) // SIDE_MULTIPLE) * SIDE_MULTIPLE for sides in zip(*shapes, strict=True))


def number_sites(coords_ND: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[S] ids of the sites, ascending, and int64[N] which of them each entry of a list is in.

    Raises:
        ValueError: an entry lies outside the image.
    """
    outside = np.flatnonzero(np.any((coords_ND < 0) | (coords_ND >= shape), axis=1))
    if len(outside):
        place, size = coords_ND[outside[0]].tolist(), " x ".join(map(str, shape))
        raise ValueError(f"{len(outside)} entries lie outside the image of {size}, the first at {place}")
    ids_S, of_N = np.unique(np.ravel_multi_index(tuple(coords_ND.T), shape), return_inverse=True)
    return ids_S.astype(np.int64), of_N.astype(np.int64)


def sum_image(
    ids_S: NDArray[np.int64], of_N: NDArray[np.int64], value_N: NDArray[np.float64], shape: tuple[int, ...], plane: int
) -> SparseImage:
    """The image of a list: values of the same site are added up."""
    value_S = np.bincount(of_N, value_N, minlength=len(ids_S))
    return SparseImage(ids_S, value_S.astype(np.float32), shape, plane)


def dominant_label(
    of_N: NDArray[np.int64], weight_N: NDArray[np.float64], label_N: NDArray[np.int64], *, num_sites: int, none: int
) -> NDArray[np.float32]:
    """float32[S]: the label with the largest sum of weights in each site, the smaller of equals; `none` without any."""
    num_labels = int(label_N.max(initial=0)) + 1
    sums_SK = np.bincount(of_N * num_labels + label_N, weight_N, minlength=num_sites * num_labels)
    sums_SK = sums_SK.reshape(num_sites, num_labels)
    return np.where(sums_SK.max(axis=1) > 0, sums_SK.argmax(axis=1), none).astype(np.float32)


def vertex_cluster(centre_D: NDArray[np.float64], shape: tuple[int, ...], plane: int) -> Clusters:
    """One cluster of up to 3^D sites around a place; without sites if the place lies outside the image."""
    ids = sites_around(np.floor(centre_D), shape)
    return one_cluster(SparseImage(ids, np.ones(len(ids), np.float32), shape, plane))
