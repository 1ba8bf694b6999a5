"""Kernel maps find every pair of active sites that a brute-force search finds, and no other."""

from __future__ import annotations

import itertools

import pytest
import torch

from nuweave.sparse import strided_max
from nuweave.sparse.maps import Ends, KernelMap, coordinates, find_doubling, find_halving, find_neighbours, join
from tests.sparse.helpers import SHAPES, random_tensor, tensor_of


def listed(kernel: KernelMap) -> list[tuple[int, list[int], list[int]]]:
    """The pairs of every offset as plain numbers, offsets ascending."""
    return sorted((group.offset, group.source_P.tolist(), group.target_P.tolist()) for group in kernel.groups)


def test_keys_and_coordinates_are_inverse() -> None:
    key_N = torch.tensor([0, 23, 24, 47])
    columns = coordinates(key_N, (4, 6))
    assert [column.tolist() for column in columns] == [[0, 0, 1, 1], [0, 3, 0, 3], [0, 5, 0, 5]]
    assert torch.equal(join(columns, (4, 6)), key_N)


@pytest.mark.parametrize("shape", [(30,), *SHAPES.values()])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_neighbours_are_those_of_brute_force(shape: tuple[int, ...], kernel_size: int) -> None:
    x = random_tensor(0, shape=shape)
    points = list(zip(*(column.tolist() for column in coordinates(x.key_N, shape)), strict=True))
    index = {point: number for number, point in enumerate(points)}
    radius = kernel_size // 2
    expected = []
    for offset, step in enumerate(itertools.product(range(-radius, radius + 1), repeat=len(shape))):
        shifted = [(image, *(c + s for c, s in zip(rest, step, strict=True))) for image, *rest in points]
        targets = [number for number, point in enumerate(shifted) if point in index]
        if targets:
            expected.append((offset, [index[shifted[number]] for number in targets], targets))
    kernel = find_neighbours(x.key_N, shape, kernel_size)
    assert kernel.centre == kernel_size ** len(shape) // 2
    found = listed(kernel)
    assert [(offset, sorted(zip(*pairs, strict=True))) for offset, *pairs in found] == [
        (offset, sorted(zip(*pairs, strict=True))) for offset, *pairs in expected
    ]


def test_rows_and_images_do_not_wrap() -> None:
    ends = torch.tensor([4, 5, 24, 25])  # end of row 0, start of row 1; end of image 0, start of image 1; shape 5 x 5
    assert listed(find_neighbours(ends, (5, 5), 3)) == [(4, [0, 1, 2, 3], [0, 1, 2, 3])]


def test_windows_of_kernel_two_in_an_odd_shape_round_up() -> None:
    x = tensor_of([0, 1, 14], shape=(3, 5))
    halving = find_halving(x.key_N, x.shape, 2)
    assert halving.shape == (2, 3)
    assert halving.key_M.tolist() == [0, 5]
    assert listed(halving.kernel) == [(0, [0, 2], [0, 1]), (1, [1], [0])]


def test_windows_of_kernel_three_overlap() -> None:
    x = tensor_of([1, 2], shape=(5,))  # windows of the coarse sites 0, 1, 2: (-1, 0, 1), (1, 2, 3), (3, 4, 5)
    halving = find_halving(x.key_N, x.shape, 3)
    assert halving.shape == (3,)
    assert halving.key_M.tolist() == [0, 1]
    assert listed(halving.kernel) == [(0, [0], [1]), (1, [1], [1]), (2, [0], [0])]


def test_a_site_of_half_the_stride_lies_in_the_image() -> None:
    x = tensor_of([0, 2], shape=(3,))
    two, three = find_doubling(x.key_N, x.shape, 2), find_doubling(x.key_N, x.shape, 3)
    assert two.shape == three.shape == (6,)
    assert two.key_M.tolist() == [0, 1, 4, 5]
    assert three.key_M.tolist() == [0, 1, 3, 4, 5]  # -1 is none
    assert listed(three.kernel) == [(0, [1], [2]), (1, [0, 1], [0, 3]), (2, [0, 1], [1, 4])]


@pytest.mark.parametrize("shape", [(30,), *SHAPES.values()])
def test_coarse_sites_meet_every_fine_site_from_one_before_to_one_past_their_own(shape: tuple[int, ...]) -> None:
    fine = random_tensor(0, shape=shape)
    coarse = strided_max(fine)
    offsets = list(itertools.product(range(-1, 3), repeat=len(shape)))
    expected: dict[int, list[tuple[int, int]]] = {}
    places = [list(zip(*(c.tolist() for c in coordinates(x.key_N, x.shape)), strict=True)) for x in (coarse, fine)]
    for (source, (image, *here)), (target, (its, *there)) in itertools.product(*map(enumerate, places)):
        step = tuple(t - 2 * h for h, t in zip(here, there, strict=True))
        if image == its and step in offsets:
            expected.setdefault(offsets.index(step), []).append((source, target))
    kernel = fine.interpolation(coarse)
    assert (kernel.sources.num_sites, kernel.targets.num_sites) == (len(coarse.key_N), len(fine.key_N))
    assert {o: sorted(zip(s, t, strict=True)) for o, s, t in listed(kernel)} == expected


def test_the_transposed_of_a_kernel_map_exchanges_inputs_and_outputs() -> None:
    kernel = find_halving(torch.tensor([0, 1, 3]), (5,), 2).kernel
    back = kernel.transposed()
    assert (kernel.sources.num_sites, kernel.targets.num_sites) == (3, 2)
    assert (kernel.sources, kernel.targets) == (back.targets, back.sources)
    assert listed(back) == [(offset, targets, sources) for offset, sources, targets in listed(kernel)]


def test_the_pairs_of_a_site_keep_their_order() -> None:
    order_P, first_N = Ends(torch.tensor([2, 0, 2, 3, 0]), num_sites=5).pairs
    assert order_P.tolist() == [1, 4, 0, 2, 3]
    assert first_N.tolist() == [0, 2, 2, 4, 5]


def test_maps_are_built_once_and_shared_by_tensors_on_the_same_sites() -> None:
    x = random_tensor(0, shape=(8, 8))
    other = x.replace(x.feat_NC * 2)
    assert x.neighbours(3) is other.neighbours(3)
    assert x.halving(2) is other.halving(2)
    assert x.doubling(3) is other.doubling(3)
    assert x.interpolation(strided_max(x)) is other.interpolation(strided_max(other))
    assert x.neighbours(3) is not x.neighbours(5)
    assert x.halving(2) is not x.halving(3)
