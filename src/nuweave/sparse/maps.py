"""Which sites meet in a convolution: kernel maps, built once for a set of sites and kept beside it.

Shapes: N sites, M sites of another set, I images, P pairs, R rows of a kernel, K kernel offsets, H half of them,
D dimensions.
A key is image * prod(shape) + site, sites in C order, so the keys of a tensor are its sites in lexicographic order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import and_
from typing import NamedTuple

import torch
from torch import Tensor


class Group(NamedTuple):
    """The pairs of one kernel offset: no source twice and no target twice.

    Attributes:
        offset: number of the offset, in C order
        source_P, target_P: int32 input and output site of each pair
    """

    offset: int
    source_P: Tensor
    target_P: Tensor


@dataclass(frozen=True, eq=False)
class Ends:
    """The site at one end of every pair.

    Attributes:
        site_P: int32
        num_sites: sites that there are
    """

    site_P: Tensor
    num_sites: int

    @cached_property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """Numbers of the pairs site by site, those of a site in their own order, and where those of each site begin."""
        count_N = torch.bincount(self.site_P, minlength=self.num_sites)
        order_P = torch.argsort(self.site_P, stable=True)
        return order_P.to(torch.int32), (count_N.cumsum(0) - count_N).to(torch.int32)


@dataclass(frozen=True, eq=False)
class KernelMap:
    """Which input site meets which output site, by kernel offset.

    Attributes:
        counts: pairs of every offset that has any, in the order in which the pairs are stored and added
        sources, targets: input and output sites of all pairs
        centre: number of the offset at which every site meets itself
    """

    counts: dict[int, int]
    sources: Ends
    targets: Ends
    centre: int | None = None

    @property
    def num_pairs(self) -> int:
        """Pairs of all offsets."""
        return len(self.sources.site_P)

    @cached_property
    def groups(self) -> list[Group]:
        """The pairs of every offset that has any."""
        ends = zip(self.counts, self.split(self.sources.site_P), self.split(self.targets.site_P), strict=True)
        return [Group(*group) for group in ends]

    def split(self, rows_PC: Tensor) -> tuple[Tensor, ...]:
        """What belongs to all pairs [P, ...], by offset."""
        return torch.split(rows_PC, list(self.counts.values())) if self.counts else ()

    def transposed(self) -> KernelMap:
        """The same pairs with inputs and outputs exchanged."""
        return KernelMap(self.counts, self.targets, self.sources, self.centre)


@dataclass(frozen=True, eq=False)
class Crossing:
    """The way to sites of another stride.

    Attributes:
        key_M, shape, maps: the sites there
        kernel: pairs from the sites here to the sites there
    """

    key_M: Tensor
    shape: tuple[int, ...]
    maps: SiteMaps
    kernel: KernelMap


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
    """Maps of one set of sites by kernel size, filled on first use and shared by every tensor on these sites."""

    neighbours: dict[int, KernelMap] = field(default_factory=dict)
    halvings: dict[int, Crossing] = field(default_factory=dict)
    doublings: dict[int, Crossing] = field(default_factory=dict)
    interpolation: KernelMap | None = None
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


def find_images(key_N: Tensor, shape: tuple[int, ...], num_images: int) -> Images:
    """The image of every site and the sites of every image."""
    index_N = torch.div(key_N, math.prod(shape), rounding_mode="floor")
    count_I = index_N.new_zeros(num_images).index_add_(0, index_N, torch.ones_like(index_N))
    return Images(index_N, count_I)


def find_neighbours(key_N: Tensor, shape: tuple[int, ...], kernel_size: int) -> KernelMap:
    """Pairs of sites within a centred cube of odd `kernel_size`: key[source] = key[target] + offset.

    Keys get a margin of the radius after each axis, so a step out of a row or an image lands on no site.
    A row of the kernel (its last axis) costs one binary search: the sites of a row are neighbours in the sorted keys.
    The second half of the offsets has the pairs of the first half, exchanged.
    """
    radius = kernel_size // 2
    wide_shape = tuple(length + radius for length in shape)
    wide_N = join(coordinates(key_N, shape), wide_shape)
    strides = [math.prod(wide_shape[axis + 1 :]) for axis in range(len(shape) - 1)]
    num_half = kernel_size ** len(shape) // 2
    steps = itertools.product(range(-radius, radius + 1), repeat=len(strides))
    rows = [sum(s * stride for s, stride in zip(step, strides, strict=True)) for step in steps]
    rows = rows[: -(-num_half // kernel_size)]
    wanted_RN = wide_N + wide_N.new_tensor(rows, dtype=torch.int64)[:, None] - radius
    sorted_N = torch.cat([wide_N, wide_N.new_full((1,), torch.iinfo(torch.int64).max)])
    place_RN = torch.searchsorted(sorted_N, wanted_RN)
    places, hits = [], []
    for step in range(kernel_size):
        hit_RN = sorted_N[place_RN] == wanted_RN + step
        places.append(place_RN)
        hits.append(hit_RN)
        place_RN = place_RN + hit_RN
    hit_HN = torch.stack(hits, dim=1).flatten(0, 1)[:num_half]
    place_HN = torch.stack(places, dim=1).flatten(0, 1)[:num_half]
    all_N = torch.arange(len(key_N), device=key_N.device)
    groups = [Group(num_half, all_N, all_N)] if len(key_N) else []
    for offset, target_P, source_P in _by_offset(*_hits(hit_HN, place_HN)):
        groups += [Group(offset, source_P, target_P), Group(2 * num_half - offset, target_P, source_P)]
    return _joined(groups, all_N, len(key_N), len(key_N), centre=num_half)


def find_halving(key_N: Tensor, shape: tuple[int, ...], kernel_size: int) -> Crossing:
    """To twice the stride: fine = 2 * coarse + offset; a coarse site exists where its window has any fine site.

    Offsets run from -(kernel_size - 1) // 2; an odd length n becomes ceil(n / 2).
    """
    image_N, *fine = coordinates(key_N, shape)
    coarse_shape = tuple((length + 1) // 2 for length in shape)
    steps = _steps(kernel_size)
    twice = [[column_N - step for step in steps] for column_N in fine]
    inside = [
        [((t_N & 1) == 0) & (t_N >= 0) & (t_N < 2 * length) for t_N in column]
        for column, length in zip(twice, coarse_shape, strict=True)
    ]
    return _cross(image_N, [[t_N >> 1 for t_N in column] for column in twice], inside, coarse_shape)


def find_doubling(key_N: Tensor, shape: tuple[int, ...], kernel_size: int) -> Crossing:
    """To half the stride and twice the shape: fine = 2 * coarse + offset, all of them that lie in the image."""
    image_N, *coarse = coordinates(key_N, shape)
    fine_shape = tuple(2 * length for length in shape)
    fine = [[2 * column_N + step for step in _steps(kernel_size)] for column_N in coarse]
    inside = [[(f_N >= 0) & (f_N < length) for f_N in column] for column, length in zip(fine, fine_shape, strict=True)]
    return _cross(image_N, fine, inside, fine_shape)


def find_interpolation(halving: KernelMap, neighbours: KernelMap, ndim: int) -> KernelMap:
    """Pairs from coarse sites to fine: fine = 2 * coarse + offset, from -1 to 2 along each axis.

    A fine site meets the coarse site that it lies in and that one's neighbours on its own side of it.

    Args:
        halving: pairs of kernel 2, from the fine sites to the coarse
        neighbours: pairs of kernel 3 among the coarse sites
        ndim: axes of an image
    """
    corners = list(itertools.product((0, 1), repeat=ndim))
    steps = list(itertools.product((-1, 0, 1), repeat=ndim))
    groups = []
    for number, fine_P, inside_P in halving.groups:
        corner = corners[number]
        fine_M = fine_P.new_full((halving.targets.num_sites,), -1).index_copy_(0, inside_P.long(), fine_P)
        for near in neighbours.groups:
            step = steps[near.offset]
            if all(s in (0, 2 * c - 1) for c, s in zip(corner, step, strict=True)):
                target_P = fine_M.index_select(0, near.target_P)
                hit_P = target_P >= 0
                groups.append(Group(_interpolation_offset(corner, step), near.source_P[hit_P], target_P[hit_P]))
    groups = [group for group in groups if len(group.source_P)]
    return _joined(groups, halving.targets.site_P, halving.targets.num_sites, halving.sources.num_sites)


def _interpolation_offset(corner: tuple[int, ...], step: tuple[int, ...]) -> int:
    """Number of the offset corner - 2 * step, from -1 to 2 along each axis, in C order."""
    return reduce(lambda number, cs: 4 * number + cs[0] - 2 * cs[1] + 1, zip(corner, step, strict=True), 0)


def _steps(kernel_size: int) -> range:
    """Offsets along an axis: 0, 1 of kernel 2 and -1, 0, 1 of kernel 3."""
    first = -((kernel_size - 1) // 2)
    return range(first, first + kernel_size)


def _cross(
    image_N: Tensor, columns: list[list[Tensor]], inside: list[list[Tensor]], shape: tuple[int, ...]
) -> Crossing:
    """The sites that are met, and the pairs.

    Args:
        image_N: image of each site here
        columns, inside: by axis and by step along it, the coordinate that each site meets there, and whether it does
        shape: sites along each axis there
    """
    key_KN = torch.stack([join([image_N, *combination], shape) for combination in itertools.product(*columns)])
    hit_KN = torch.stack([reduce(and_, combination) for combination in itertools.product(*inside)])
    counts, here_P, key_P = _hits(hit_KN, key_KN)
    key_M, there_P = torch.unique(key_P, return_inverse=True)
    present = {offset: count for offset, count in enumerate(counts) if count}
    sources, targets = Ends(here_P.to(torch.int32), len(image_N)), Ends(there_P.to(torch.int32), len(key_M))
    kernel = KernelMap(present, sources, targets)
    return Crossing(key_M, shape, SiteMaps(), kernel)


def _joined(
    groups: list[Group], like: Tensor, num_sources: int, num_targets: int, centre: int | None = None
) -> KernelMap:
    """The map of groups of pairs, on the device of `like`."""
    source_P = torch.cat([like[:0], *(group.source_P for group in groups)]).to(torch.int32)
    target_P = torch.cat([like[:0], *(group.target_P for group in groups)]).to(torch.int32)
    counts = {group.offset: len(group.source_P) for group in groups}
    return KernelMap(counts, Ends(source_P, num_sources), Ends(target_P, num_targets), centre)


def _hits(hit_KN: Tensor, there_KN: Tensor) -> tuple[list[int], Tensor, Tensor]:
    """Hits of each offset, and of every hit in this order the site here and what it meets."""
    counts: list[int] = hit_KN.sum(dim=1).tolist()
    offset_P, here_P = hit_KN.nonzero().T.contiguous()
    return counts, here_P, there_KN.flatten().index_select(0, offset_P * hit_KN.shape[1] + here_P)


def _by_offset(counts: list[int], here_P: Tensor, there_P: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Offset and its pairs, for every offset that has any."""
    for offset, (here, there) in enumerate(zip(torch.split(here_P, counts), torch.split(there_P, counts), strict=True)):
        if len(here):
            yield offset, here, there
