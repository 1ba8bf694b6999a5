"""Pooling sees active sites and nothing else, of a window or of an image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.sparse import SparseTensor, from_dense, pool_max, pool_mean, strided_max, strided_mean, to_dense
from tests.sparse.helpers import SHAPES, assert_same_with_gradients, leaf, pad_to, random_tensor, tensor_of

AVERAGE: dict[int, Callable[..., Tensor]] = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
LARGEST: dict[int, Callable[..., Tensor]] = {2: functional.max_pool2d, 3: functional.max_pool3d}
WINDOWS = pytest.mark.parametrize(("ndim", "kernel_size"), [(2, 2), (2, 3), (3, 2), (3, 3)])


def mask(x: SparseTensor) -> Tensor:
    """One where a site is active."""
    return to_dense(x.replace(torch.ones_like(x.feat_NC[:, :1])))


def test_pooling_by_hand() -> None:
    x = tensor_of([0, 3, 5], shape=(2, 4), values=[-1.0, -2.0, -6.0])
    x = SparseTensor(x.feat_NC, x.key_N + 8, x.shape, num_images=3)
    assert pool_mean(x)[:, 0].tolist() == [0.0, -3.0, 0.0]
    assert pool_max(x)[:, 0].tolist() == [0.0, -1.0, 0.0]
    assert x.images().count_I.tolist() == [0, 3, 0]


@pytest.mark.parametrize("ndim", [2, 3])
def test_pooling_an_image_is_dense_pooling_under_the_mask(ndim: int) -> None:
    x = random_tensor(1, shape=SHAPES[ndim])
    one, other = leaf(x), leaf(x)
    axes = tuple(range(2, 2 + ndim))
    mean = to_dense(other).sum(axes) / mask(x).sum(axes)
    assert_same_with_gradients(pool_mean(one), mean, [one.feat_NC], [other.feat_NC])
    largest = to_dense(other).masked_fill(mask(x) == 0, -torch.inf).amax(axes)
    assert_same_with_gradients(pool_max(one), largest, [one.feat_NC], [other.feat_NC])


def test_pooling_windows_by_hand() -> None:
    x = tensor_of([0, 1, 7], shape=(2, 4), values=[-1.0, -3.0, 5.0])
    assert strided_max(x).feat_NC[:, 0].tolist() == [-1.0, 5.0]
    assert strided_mean(x).feat_NC[:, 0].tolist() == [-2.0, 5.0]
    assert strided_mean(x).key_N.tolist() == [0, 1]
    assert strided_max(x).stride == 2


@WINDOWS
def test_mean_of_windows_is_the_dense_one_under_the_mask(ndim: int, kernel_size: int) -> None:
    x = random_tensor(2, shape=SHAPES[ndim], occupancy=0.2)
    one, other = leaf(x), leaf(x)
    found = strided_mean(one, kernel_size)
    pooled = [AVERAGE[ndim](pad_to(dense, kernel_size), kernel_size, 2) for dense in (to_dense(other), mask(x))]
    expected = from_dense(pooled[0] / pooled[1], found).feat_NC
    assert_same_with_gradients(found.feat_NC, expected, [one.feat_NC], [other.feat_NC])


@WINDOWS
def test_largest_of_windows_is_the_dense_one_under_the_mask(ndim: int, kernel_size: int) -> None:
    x = random_tensor(2, shape=SHAPES[ndim], occupancy=0.2)
    one, other = leaf(x), leaf(x)
    found = strided_max(one, kernel_size)
    masked = to_dense(other).masked_fill(mask(x) == 0, -torch.inf)
    dense = LARGEST[ndim](pad_to(masked, kernel_size, value=-torch.inf), kernel_size, 2)
    assert_same_with_gradients(found.feat_NC, from_dense(dense, found).feat_NC, [one.feat_NC], [other.feat_NC])


def test_equal_largest_features_share_the_gradient() -> None:
    x = leaf(tensor_of([0, 1, 4, 6], shape=(2, 4), values=[3.0, 3.0, 1.0, 3.0]))
    for largest, expected in (
        (strided_max(x).feat_NC, [0.5, 0.5, 0.0, 1.0]),
        (pool_max(x), [1 / 3, 1 / 3, 0.0, 1 / 3]),
    ):
        (gradient,) = torch.autograd.grad(largest.sum(), [x.feat_NC])
        assert gradient[:, 0].tolist() == pytest.approx(expected)
