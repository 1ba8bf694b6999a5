"""Kernel maps find every pair of active sites that a brute-force search finds, and no other."""

from __future__ import annotations

import itertools

import pytest
import torch

from nuweave.sparse.maps import coordinates, find_neighbours, halve, join
from tests.sparse.helpers import SHAPES, random_tensor, tensor_of


def test_keys_and_coordinates_are_inverse() -> None:
    key_N = torch.tensor([0, 23, 24, 47])
    columns = coordinates(key_N, (4, 6))
    assert [column.tolist() for column in columns] == [[0, 0, 1, 1], [0, 3, 0, 3], [0, 5, 0, 5]]
    assert torch.equal(join(columns, (4, 6)), key_N)


@pytest.mark.parametrize("shape", [(30,), *SHAPES.values()])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_neighbours_are_those_of_brute_force(shape: tuple[int, ...], kernel_size: int) -> None:
    x = random_tensor(0, shape=shape)
    points = list(zip(*(column.tolist() for column in coordinates(x.key_N, shape)), strict=True))
    index = {point: number for number, point in enumerate(points)}
    pairs = find_neighbours(x.key_N, shape, kernel_size)
    found = list(zip(pairs.source_P.tolist(), pairs.target_P.tolist(), strict=True))
    radius = kernel_size // 2
    steps = list(itertools.product(range(-radius, radius + 1), repeat=len(shape)))
    expected, counts = [], []
    for step in steps[: len(steps) // 2]:
        shifted = [(image, *(c + s for c, s in zip(rest, step, strict=True))) for image, *rest in points]
        hits = [(index[point], number) for number, point in enumerate(shifted) if point in index]
        expected += hits
        counts.append(len(hits))
    assert found == expected
    assert pairs.counts == tuple(counts)


def test_rows_and_images_do_not_wrap() -> None:
    ends = torch.tensor([4, 5, 24, 25])  # end of row 0, start of row 1; end of image 0, start of image 1; shape 5 x 5
    pairs = find_neighbours(ends, (5, 5), 3)
    assert len(pairs.source_P) == 0


def test_cells_of_an_odd_shape_round_up() -> None:
    x = tensor_of([0, 1, 14], shape=(3, 5))
    halving = halve(x.key_N, x.shape)
    assert halving.shape == (2, 3)
    assert halving.key_M.tolist() == [0, 5]
    assert halving.children_P.tolist() == [0, 2, 1]  # offsets 0, 0, 1 of their cells
    assert halving.parents_P.tolist() == [0, 1, 0]
    assert halving.counts == (2, 1, 0, 0)


def test_maps_are_built_once_and_shared_by_tensors_on_the_same_sites() -> None:
    x = random_tensor(0, shape=(8, 8))
    other = x.replace(x.feat_NC * 2)
    assert x.neighbours(3) is other.neighbours(3)
    assert x.halving() is other.halving()
