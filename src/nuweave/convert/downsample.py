"""Merge neighbouring sites: values summed or averaged, labels by the largest, clusters mapped. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError
from nuweave.convert.event import Images
from nuweave.convert.kernels import labels_of_largest, merged_ids, number_sites
from nuweave.physics.truth import SemanticLabel
from nuweave.store import Clusters, SparseImage

Pooling = Literal["sum", "mean"]


class Merge(NamedTuple):
    """Which sites of an image become one.

    Attributes:
        ids: int64[K], merged sites, ascending.
        of_N: int64[N], position in `ids` of each site of the image.
    """

    ids: NDArray[np.int64]
    of_N: NDArray[np.int64]


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
    merges = [merge_sites(image, factor) for image in images.values]
    values = list(zip(images.values, merges, strict=True))
    semantics = None
    if images.semantics is not None:
        triples = zip(images.semantics, images.values, merges, strict=True)
        semantics = [downsample_semantics(semantic, value, merge, factor) for semantic, value, merge in triples]
    return Images(
        values=[downsample_values(value, merge, factor, pooling) for value, merge in values],
        labels=None
        if images.labels is None
        else [downsample_labels(label, merge, factor) for label, merge in zip(images.labels, merges, strict=True)],
        semantics=semantics,
        vertex=None if images.vertex is None else [downsample_clusters(group, factor) for group in images.vertex],
    )


def merge_sites(image: SparseImage, factor: int) -> Merge:
    """Find the merged sites of an image, once for all that is known of its sites.

    Raises:
        ConfigError: an axis does not divide by the factor.
    """
    merged = merged_ids(image.ids, np.array(image.shape), np.array(_shape(image, factor)), factor)
    ids, number_N = number_sites(merged)
    order = np.argsort(ids, kind="stable")
    rank = np.empty(len(ids), np.int64)
    rank[order] = np.arange(len(ids))
    return Merge(ids[order], rank[number_N])


def downsample_values(image: SparseImage, merge: Merge, factor: int, pooling: Pooling) -> SparseImage:
    """Sum or mean of merged sites; the mean counts empty sites as 0."""
    sums = np.bincount(merge.of_N, image.values, minlength=len(merge.ids))
    if pooling == "mean":
        sums = sums / factor ** len(image.shape)
    return _merged(image, factor, merge.ids, sums)


def downsample_labels(label: SparseImage, merge: Merge, factor: int) -> SparseImage:
    """The largest label of merged sites: neutrino over cosmic over background."""
    largest = np.zeros(len(merge.ids), np.float32)
    np.maximum.at(largest, merge.of_N, label.values)
    return _merged(label, factor, merge.ids, largest)


def downsample_semantics(semantic: SparseImage, value: SparseImage, merge: Merge, factor: int) -> SparseImage:
    """The label of the merged site with the largest value among those that have one; of several the first.

    How much energy lies behind a value is no longer known; a site without a label has little.
    """
    labels = labels_of_largest(merge.of_N, semantic.values, value.values, len(merge.ids), int(SemanticLabel.NONE))
    return _merged(semantic, factor, merge.ids, labels)


def downsample_clusters(group: Clusters, factor: int) -> Clusters:
    """Each cluster's sites mapped to merged ones; the value says how many became one, so that the middle stays."""
    merged, counts, first = [], [], 0
    for length in group.lengths:
        part = replace(group.image, ids=group.image.ids[first : first + length])
        merge = merge_sites(part, factor)
        merged.append(merge.ids)
        counts.append(np.bincount(merge.of_N, minlength=len(merge.ids)))
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
