"""Tensors are joined site by site, and never by accident."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from nuweave.sparse import SparseTensor, add, concatenate, strided_max, to_dense, union
from tests.sparse.helpers import SHAPES, leaf, random_tensor, tensor_of


def test_sum_and_concatenation_by_hand() -> None:
    x = tensor_of([1, 4], shape=(2, 3), values=[1.0, 2.0])
    y = tensor_of([1, 4], shape=(2, 3), values=[10.0, 20.0])
    assert add(x, y).feat_NC.tolist() == [[11.0], [22.0]]
    assert concatenate(x, y).feat_NC.tolist() == [[1.0, 10.0], [2.0, 20.0]]
    assert concatenate(x, y).maps is x.maps


@pytest.mark.parametrize("join", [add, concatenate])
def test_other_sites_are_refused(join: Callable[[SparseTensor, SparseTensor], SparseTensor]) -> None:
    x = tensor_of([1, 4], shape=(2, 3))
    with pytest.raises(ValueError, match="2 and 2 sites must be the same sites; use union"):
        join(x, tensor_of([1, 5], shape=(2, 3)))


@pytest.mark.parametrize("join", [add, concatenate, union])
def test_other_images_are_refused(join: Callable[[SparseTensor, SparseTensor], SparseTensor]) -> None:
    x = tensor_of([0], shape=(2, 2))
    with pytest.raises(ValueError, match=r"\(1, \(2, 2\), 1\) and \(1, \(1, 1\), 2\) must be alike"):
        join(x, strided_max(x))


def test_union_by_hand() -> None:
    x = tensor_of([1, 4], shape=(2, 3), values=[1.0, 2.0])
    y = tensor_of([0, 4], shape=(2, 3), values=[10.0, 20.0])
    joined = union(x, y)
    assert joined.key_N.tolist() == [0, 1, 4]
    assert joined.feat_NC[:, 0].tolist() == [10.0, 1.0, 22.0]


@pytest.mark.parametrize("ndim", [2, 3])
def test_union_is_the_sum_of_the_dense_images(ndim: int) -> None:
    x, y = (leaf(random_tensor(seed, shape=SHAPES[ndim], occupancy=0.2)) for seed in (0, 1))
    joined = union(x, y)
    assert torch.equal(to_dense(joined), to_dense(x) + to_dense(y))
    gradients = torch.autograd.grad(joined.feat_NC.square().sum(), [x.feat_NC, y.feat_NC])
    expected = torch.autograd.grad((to_dense(x) + to_dense(y)).square().sum(), [x.feat_NC, y.feat_NC])
    assert all(torch.equal(one, other) for one, other in zip(gradients, expected, strict=True))


def test_union_with_no_site_and_with_itself() -> None:
    x, none = tensor_of([1, 4], shape=(2, 3), values=[1.0, 2.0]), tensor_of([], shape=(2, 3), values=[])
    assert union(x, none).key_N.tolist() == union(none, x).key_N.tolist() == [1, 4]
    assert len(union(none, none).key_N) == 0
    assert union(x, x).feat_NC[:, 0].tolist() == [2.0, 4.0]
