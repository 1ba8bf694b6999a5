"""Which sites meet in a convolution: kernel maps, built once for a set of sites and kept beside it.

Shapes: N sites, M coarse sites, I images, P pairs, R rows of a kernel, D dimensions.
A key is image * prod(shape) + site, sites in C order, so the keys of a tensor are its sites in lexicographic order.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class NeighbourPairs:
    """Pairs of sites one kernel offset apart, for the first half of the offsets; the other half are the same, swapped.

    Attributes:
        source_P, target_P: int64 site indices, key[source] = key[target] + offset; grouped by offset, target ascending
        counts: pairs of each of the num_offsets // 2 offsets before the centre, offsets in C order
    """

    source_P: Tensor
    target_P: Tensor
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Halving:
    """How fine sites fall into cells of 2^D sites; a coarse site exists where its cell has at least one fine site.

    Attributes:
        key_M, shape, maps: the coarse sites
        parent_N: int64 coarse site of each fine site
        children_P: int64 fine sites grouped by their offset in the cell (C order), ascending in a group; P = N
        parents_P: int64 coarse site of each child, no coarse site twice in a group
        counts: fine sites of each of the 2^D offsets
    """

    key_M: Tensor
    shape: tuple[int, ...]
    maps: SiteMaps
    children_P: Tensor
    parents_P: Tensor
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Images:
    """Which sites belong to which image.

    Attributes:
        index_N: int64 image of each site, ascending
        count_I: int64 sites of each image
    """

    index_N: Tensor
    count_I: Tensor


@dataclass(eq=False)
class SiteMaps:
    """Maps of one set of sites, filled on first use and shared by every tensor on these sites."""

    neighbours: dict[int, NeighbourPairs] = field(default_factory=dict)
    halving: Halving | None = None
    images: Images | None = None


def coordinates(key_N: Tensor, shape: tuple[int, ...]) -> list[Tensor]:
    """Image, then one coordinate an axis, of every key; int64[N] each."""
    rest_N, columns = key_N, []
    for length in reversed(shape):
        above_N = torch.div(rest_N, length, rounding_mode="floor")
        columns.append(rest_N - above_N * length)
        rest_N = above_N
    return [rest_N, *reversed(columns)]


def join(columns: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Keys of (image, coordinates); inverse of `coordinates`."""
    key_N = columns[0]
    for length, column_N in zip(shape, columns[1:], strict=True):
        key_N = key_N * length + column_N
    return key_N


def find_neighbours(key_N: Tensor, shape: tuple[int, ...], kernel_size: int) -> NeighbourPairs:
    """Pairs of sites within a centred cube of odd `kernel_size`.

    Keys get a margin of the radius after each axis, so a step out of a row or an image lands on no site.
    A row of the kernel (its last axis) costs one binary search: the sites of a row are neighbours in the sorted keys.
    """
    radius = kernel_size // 2
    wide_shape = tuple(length + radius for length in shape)
    wide_N = join(coordinates(key_N, shape), wide_shape)
    strides = [math.prod(wide_shape[axis + 1 :]) for axis in range(len(shape) - 1)]
    num_half = kernel_size ** len(shape) // 2
    steps = itertools.product(range(-radius, radius + 1), repeat=len(strides))
    rows = [sum(s * stride for s, stride in zip(step, strides, strict=True)) for step in steps]
    rows = rows[: -(-num_half // kernel_size)]
    wanted_RN = wide_N + wide_N.new_tensor(rows)[:, None] - radius
    sorted_N = torch.cat([wide_N, wide_N.new_full((1,), torch.iinfo(torch.int64).max)])
    place_RN = torch.searchsorted(sorted_N, wanted_RN)
    places, hits = [], []
    for step in range(kernel_size):
        hit_RN = sorted_N[place_RN] == wanted_RN + step
        places.append(place_RN)
        hits.append(hit_RN)
        place_RN = place_RN + hit_RN
    hit_ON = torch.stack(hits, dim=1).flatten(0, 1)[:num_half]
    place_ON = torch.stack(places, dim=1).flatten(0, 1)[:num_half]
    target_P = hit_ON.nonzero()[:, 1]
    return NeighbourPairs(place_ON[hit_ON], target_P, tuple(hit_ON.sum(dim=1).tolist()))


def find_images(key_N: Tensor, shape: tuple[int, ...], num_images: int) -> Images:
    """The image of every site and the sites of every image."""
    index_N = torch.div(key_N, math.prod(shape), rounding_mode="floor")
    return Images(index_N, torch.bincount(index_N, minlength=num_images))


def halve(key_N: Tensor, shape: tuple[int, ...]) -> Halving:
    """Coarse sites of stride two; an odd length n becomes ceil(n / 2)."""
    image_N, *fine = coordinates(key_N, shape)
    coarse_shape = tuple((length + 1) // 2 for length in shape)
    key_M, parent_N = torch.unique(join([image_N, *(c >> 1 for c in fine)], coarse_shape), return_inverse=True)
    offset_N = torch.zeros_like(key_N)
    for column_N in fine:
        offset_N = offset_N * 2 + (column_N & 1)
    children_P = torch.argsort(offset_N, stable=True)
    counts = torch.bincount(offset_N, minlength=2 ** len(shape))
    return Halving(key_M, coarse_shape, SiteMaps(), children_P, parent_N[children_P], tuple(counts.tolist()))
