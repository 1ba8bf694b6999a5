"""Merge neighbouring sites: values summed or averaged, labels by the largest, clusters mapped. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError
from nuweave.convert.event import Images
from nuweave.store import Clusters, SparseImage

Pooling = Literal["sum", "mean"]


def downsample(images: Images, factor: int, pooling: Pooling) -> Images:
    """Merge `factor` sites along every axis of every image.

    Args:
        images: the images of an event.
        factor: a power of two; 1 changes nothing.
        pooling: sum of the values, or their mean over all merged sites, empty ones included.
    Raises:
        ConfigError: an axis does not divide by the factor.
    """
    if factor == 1:
        return images
    return Images(
        values=[downsample_values(image, factor, pooling) for image in images.values],
        labels=None if images.labels is None else [downsample_labels(label, factor) for label in images.labels],
        semantics=None,
        vertex=None if images.vertex is None else [downsample_clusters(group, factor) for group in images.vertex],
    )


def downsample_values(image: SparseImage, factor: int, pooling: Pooling) -> SparseImage:
    """Sum or mean of merged sites; the mean counts empty sites as 0."""
    ids, of_N = _merge(image, factor)
    sums = np.bincount(of_N, image.values.astype(np.float64), minlength=len(ids))
    if pooling == "mean":
        sums = sums / factor ** len(image.shape)
    return _merged(image, factor, ids, sums)


def downsample_labels(label: SparseImage, factor: int) -> SparseImage:
    """The largest label of merged sites: neutrino over cosmic over background."""
    ids, of_N = _merge(label, factor)
    largest = np.zeros(len(ids), np.float32)
    np.maximum.at(largest, of_N, label.values)
    return _merged(label, factor, ids, largest)


def downsample_clusters(group: Clusters, factor: int) -> Clusters:
    """Each cluster's sites mapped to merged ones; the value says how many became one, so that the middle stays."""
    merged, counts, first = [], [], 0
    for length in group.lengths:
        part = replace(group.image, ids=group.image.ids[first : first + length])
        ids, of_N = _merge(part, factor)
        merged.append(ids)
        counts.append(np.bincount(of_N, minlength=len(ids)))
        first += int(length)
    ids = np.concatenate([np.zeros(0, np.int64), *merged])
    image = _merged(group.image, factor, ids, np.concatenate([np.zeros(0, np.int64), *counts]))
    return Clusters(image, lengths=np.array([len(part) for part in merged], np.int64), numbers=group.numbers)


def _merged(image: SparseImage, factor: int, ids: NDArray[np.int64], values: NDArray[Any]) -> SparseImage:
    """The image of merged sites; it covers the same extent with fewer sites."""
    size = image.size or tuple(float(num) for num in image.shape)
    return replace(image, ids=ids, values=values.astype(np.float32), shape=_shape(image, factor), size=size)


def _shape(image: SparseImage, factor: int) -> tuple[int, ...]:
    if any(num % factor for num in image.shape):
        good = factor
        while any(num % good for num in image.shape):
            good //= 2
        raise ConfigError(f"convert.downsample={factor} must divide the image of {list(image.shape)} sites; try {good}")
    return tuple(num // factor for num in image.shape)


def _merge(image: SparseImage, factor: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[K] ids of the merged sites, ascending, and int64[N] the position in them of each site of the image."""
    coords = image.coords // factor
    ids, of_N = np.unique(np.ravel_multi_index(tuple(coords.T), _shape(image, factor)), return_inverse=True)
    return ids.astype(np.int64), of_N
