"""Convolutions equal their dense counterparts on active sites."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.sparse import (
    SparseTensor,
    from_dense,
    inverse_conv,
    pool_max,
    pool_mean,
    strided_conv,
    submanifold_conv,
    to_dense,
)
from tests.sparse.helpers import SHAPES, dense_weight, leaf, random_tensor, relative_error, tensor_of

CONV: dict[int, Callable[..., Tensor]] = {2: functional.conv2d, 3: functional.conv3d}
CONV_TRANSPOSE: dict[int, Callable[..., Tensor]] = {2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
NDIM = pytest.mark.parametrize("ndim", [2, 3])
SEED = pytest.mark.parametrize("seed", range(5))
TOLERANCE = 1e-12


def random_weight(seed: int, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(1000 + seed), dtype=dtype).requires_grad_()


def pad_even(dense: Tensor) -> Tensor:
    pads = [pad for length in reversed(dense.shape[2:]) for pad in (0, length % 2)]
    return functional.pad(dense, pads)


def assert_same_with_gradients(
    found: Tensor, expected: Tensor, found_leaves: list[Tensor], expected_leaves: list[Tensor]
) -> None:
    """Equal values and equal gradients of a random projection of them."""
    direction = torch.randn(found.shape, generator=torch.Generator().manual_seed(7), dtype=found.dtype)
    assert relative_error(found, expected) < TOLERANCE
    for one, other in zip(
        torch.autograd.grad(found, found_leaves, direction),
        torch.autograd.grad(expected, expected_leaves, direction),
        strict=True,
    ):
        assert relative_error(one, other) < TOLERANCE


@SEED
@NDIM
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_submanifold_conv_is_the_dense_convolution_at_active_sites(ndim: int, seed: int, kernel_size: int) -> None:
    x = random_tensor(seed, shape=SHAPES[ndim])
    one, other, weight = leaf(x), leaf(x), random_weight(seed, kernel_size**ndim, 4, 6)
    found = submanifold_conv(one, weight).feat_NC
    dense = CONV[ndim](to_dense(other), dense_weight(weight, ndim), padding=kernel_size // 2)
    expected = from_dense(dense, other).feat_NC
    assert_same_with_gradients(found, expected, [one.feat_NC, weight], [other.feat_NC, weight])


@SEED
@NDIM
def test_strided_conv_is_the_dense_convolution_at_occupied_cells(ndim: int, seed: int) -> None:
    x = random_tensor(seed, shape=SHAPES[ndim], occupancy=0.1)
    one, other, weight = leaf(x), leaf(x), random_weight(seed, 2**ndim, 4, 6)
    found = strided_conv(one, weight)
    dense = CONV[ndim](pad_even(to_dense(other)), dense_weight(weight, ndim), stride=2)
    expected = from_dense(dense, found).feat_NC
    assert found.shape == tuple(dense.shape[2:])
    assert_same_with_gradients(found.feat_NC, expected, [one.feat_NC, weight], [other.feat_NC, weight])
    ones = torch.ones(1, 1, *[2] * ndim, dtype=torch.float64)
    occupied = CONV[ndim](pad_even(to_dense(x).abs().sum(1, keepdim=True)), ones, stride=2)
    assert torch.equal(found.key_N, occupied.flatten().nonzero()[:, 0])


@SEED
@NDIM
def test_inverse_conv_is_the_dense_transposed_convolution_at_the_fine_sites(ndim: int, seed: int) -> None:
    fine = random_tensor(seed, shape=SHAPES[ndim], occupancy=0.1)
    coarse = strided_conv(fine, random_weight(seed, 2**ndim, 4, 5))
    weight = random_weight(seed + 1, 2**ndim, 5, 3)
    one = coarse.feat_NC.detach().requires_grad_()
    other = coarse.feat_NC.detach().clone().requires_grad_()
    found = inverse_conv(coarse.replace(one), weight, fine).feat_NC
    kernel = dense_weight(weight, ndim).transpose(0, 1)
    dense = CONV_TRANSPOSE[ndim](to_dense(coarse.replace(other)), kernel, stride=2)
    for axis, length in enumerate(fine.shape):
        dense = dense.narrow(2 + axis, 0, length)
    assert_same_with_gradients(found, from_dense(dense, fine).feat_NC, [one, weight], [other, weight])


def test_inverse_conv_refuses_features_of_other_sites() -> None:
    fine, other = random_tensor(0, shape=(8, 8)), random_tensor(1, shape=(8, 8))
    coarse = strided_conv(other, random_weight(0, 4, 4, 4))
    with pytest.raises(ValueError, match="strided_conv made from"):
        inverse_conv(coarse, random_weight(0, 4, 4, 4), fine)


def test_a_step_of_one_on_a_line_adds_the_two_neighbours_by_hand() -> None:
    x = tensor_of([0, 1, 3], shape=(1, 5), values=[1.0, 10.0, 100.0])
    weight = torch.zeros(9, 1, 1, dtype=torch.float64)
    weight[3], weight[4], weight[5] = 2.0, 1.0, 3.0  # left, centre, right
    assert submanifold_conv(x, weight).feat_NC[:, 0].tolist() == [1 + 3 * 10, 2 * 1 + 10, 100]


def through_all(x: SparseTensor, seed: int = 0) -> tuple[SparseTensor, list[Tensor]]:
    """Down and up again, and the weights on the way."""
    ndim, dtype = x.ndim, x.feat_NC.dtype
    weights = [
        random_weight(seed, 3**ndim, 4, 4, dtype=dtype),
        random_weight(seed + 1, 2**ndim, 4, 5, dtype=dtype),
        random_weight(seed + 2, 2**ndim, 5, 4, dtype=dtype),
    ]
    fine = submanifold_conv(x, weights[0])
    return inverse_conv(strided_conv(fine, weights[1]), weights[2], fine), weights


@NDIM
@pytest.mark.parametrize("num_sites", [0, 1])
def test_no_site_and_one_site_give_finite_outputs_and_every_gradient(ndim: int, num_sites: int) -> None:
    x = leaf(random_tensor(0, shape=SHAPES[ndim], num_images=2))
    feat_NC = x.feat_NC[:num_sites]
    x = SparseTensor(feat_NC, x.key_N[:num_sites], x.shape, x.num_images)
    out, weights = through_all(x)
    pooled = torch.cat([pool_mean(out), pool_max(out)], dim=1)
    assert pooled.shape == (2, 8)
    assert torch.isfinite(pooled).all()
    for gradient in torch.autograd.grad(pooled.sum(), [*weights, feat_NC]):
        assert torch.isfinite(gradient).all()
        assert bool(gradient.any()) == (num_sites > 0)


@NDIM
def test_an_image_does_not_depend_on_the_others(ndim: int) -> None:
    x = random_tensor(3, shape=SHAPES[ndim])
    together, _ = through_all(x)
    for image in range(x.num_images):
        mine_N = x.images().index_N == image
        volume = torch.tensor(x.shape).prod()
        alone, _ = through_all(SparseTensor(x.feat_NC[mine_N], x.key_N[mine_N] - image * volume, x.shape, 1))
        assert relative_error(alone.feat_NC, together.feat_NC[mine_N]) < TOLERANCE


def test_repeats_are_equal_bit_for_bit() -> None:
    def run() -> list[Tensor]:
        x = leaf(random_tensor(1, shape=(64, 48), dtype=torch.float32))
        out, weights = through_all(x)
        return [out.feat_NC, *torch.autograd.grad(out.feat_NC.square().sum(), [x.feat_NC, *weights])]

    first = run()
    for _ in range(3):
        assert all(torch.equal(one, other) for one, other in zip(first, run(), strict=True))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 2e-2), (torch.float16, 3e-3)])
def test_half_precision_keeps_its_type_and_stays_close(dtype: torch.dtype, tolerance: float) -> None:
    x = random_tensor(1, shape=(32, 24), dtype=torch.float32)
    exact, weights = through_all(x)
    half = leaf(x.replace(x.feat_NC.to(dtype)))
    weight = weights[0].detach().to(dtype).requires_grad_()
    found = submanifold_conv(half, weight)
    assert found.feat_NC.dtype == dtype
    assert relative_error(found.feat_NC.float(), submanifold_conv(x, weights[0]).feat_NC) < tolerance
    gradients = torch.autograd.grad(found.feat_NC.float().square().sum(), [half.feat_NC, weight])
    assert [gradient.dtype for gradient in gradients] == [dtype, dtype]
    assert exact.feat_NC.dtype == torch.float32


def test_autocast_computes_in_its_type_and_returns_float32_gradients() -> None:
    x = leaf(random_tensor(1, shape=(32, 24), dtype=torch.float32))
    exact, _ = through_all(x)
    with torch.autocast("cpu", torch.bfloat16):
        found, weights = through_all(x)
    assert found.feat_NC.dtype == torch.bfloat16
    assert relative_error(found.feat_NC.float(), exact.feat_NC) < 3e-2
    gradients = torch.autograd.grad(found.feat_NC.float().sum(), [x.feat_NC, *weights])
    assert {gradient.dtype for gradient in gradients} == {torch.float32}
