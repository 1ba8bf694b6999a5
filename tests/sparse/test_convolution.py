"""Convolutions equal their dense counterparts on active sites: values, gradients of the input and of the weight."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.sparse import (
    SparseTensor,
    add,
    depthwise_conv,
    from_dense,
    interpolate,
    inverse_conv,
    pool_max,
    pool_mean,
    strided_conv,
    strided_max,
    strided_mean,
    submanifold_conv,
    to_dense,
    transposed_conv,
)
from tests.sparse.helpers import (
    SHAPES,
    TOLERANCE,
    assert_same_with_gradients,
    dense_weight,
    leaf,
    occupied,
    pad_to,
    random_tensor,
    random_weight,
    relative_error,
    tensor_of,
)

pytestmark = pytest.mark.usefixtures("num_threads")

CONV: dict[int, Callable[..., Tensor]] = {2: functional.conv2d, 3: functional.conv3d}
CONV_TRANSPOSE: dict[int, Callable[..., Tensor]] = {2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
LARGE = (180, 150)  # enough sites for torch to share them among threads
CASES = [*((shape, seed) for shape in SHAPES.values() for seed in range(3)), (LARGE, 0)]
CASE = pytest.mark.parametrize(("shape", "seed"), CASES)
NDIM = pytest.mark.parametrize("ndim", [2, 3])
STRIDED = pytest.mark.parametrize("kernel_size", [2, 3])


@CASE
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_submanifold_conv_is_the_dense_convolution_at_active_sites(
    shape: tuple[int, ...], seed: int, kernel_size: int
) -> None:
    x, ndim = random_tensor(seed, shape=shape), len(shape)
    one, other, weight = leaf(x), leaf(x), random_weight(seed, kernel_size**ndim, 4, 6)
    found = submanifold_conv(one, weight).feat_NC
    dense = CONV[ndim](to_dense(other), dense_weight(weight, ndim), padding=kernel_size // 2)
    expected = from_dense(dense, other).feat_NC
    assert_same_with_gradients(found, expected, [one.feat_NC, weight], [other.feat_NC, weight])


@CASE
@pytest.mark.parametrize("kernel_size", [3, 7])
def test_depthwise_conv_is_the_dense_convolution_of_each_channel(
    shape: tuple[int, ...], seed: int, kernel_size: int
) -> None:
    x, ndim = random_tensor(seed, shape=shape), len(shape)
    one, other, weight = leaf(x), leaf(x), random_weight(seed, kernel_size**ndim, 4)
    found = depthwise_conv(one, weight).feat_NC
    kernel = dense_weight(weight[:, None], ndim)
    dense = CONV[ndim](to_dense(other), kernel, padding=kernel_size // 2, groups=4)
    expected = from_dense(dense, other).feat_NC
    assert_same_with_gradients(found, expected, [one.feat_NC, weight], [other.feat_NC, weight])


@CASE
@STRIDED
def test_strided_conv_is_the_dense_convolution_and_all_else_is_zero(
    shape: tuple[int, ...], seed: int, kernel_size: int
) -> None:
    x, ndim = random_tensor(seed, shape=shape, occupancy=0.1), len(shape)
    one, other, weight = leaf(x), leaf(x), random_weight(seed, kernel_size**ndim, 4, 6)
    found = strided_conv(one, weight)
    dense = CONV[ndim](pad_to(to_dense(other), kernel_size), dense_weight(weight, ndim), stride=2)
    expected = from_dense(dense, found).feat_NC
    assert found.shape == tuple(dense.shape[2:])
    assert found.stride == 2
    assert torch.equal(found.key_N, occupied(dense))
    assert_same_with_gradients(found.feat_NC, expected, [one.feat_NC, weight], [other.feat_NC, weight])


@CASE
@STRIDED
def test_inverse_conv_is_the_dense_transposed_convolution_at_the_fine_sites(
    shape: tuple[int, ...], seed: int, kernel_size: int
) -> None:
    fine, ndim = random_tensor(seed, shape=shape, occupancy=0.1), len(shape)
    x = strided_conv(fine, random_weight(seed, kernel_size**ndim, 4, 5))
    weight = random_weight(seed + 1, kernel_size**ndim, 5, 3)
    one = x.replace(x.feat_NC.detach().requires_grad_())
    other = x.replace(x.feat_NC.detach().clone().requires_grad_())
    found = inverse_conv(one, weight, fine)
    dense = dense_transposed(other, weight)
    for axis, length in enumerate(shape):
        dense = dense.narrow(2 + axis, 0, length)
    assert (found.stride, found.maps) == (1, fine.maps)
    expected = from_dense(dense, fine).feat_NC
    assert_same_with_gradients(found.feat_NC, expected, [one.feat_NC, weight], [other.feat_NC, weight])


@CASE
@STRIDED
def test_transposed_conv_is_the_dense_one_and_all_else_is_zero(
    shape: tuple[int, ...], seed: int, kernel_size: int
) -> None:
    x, ndim = random_tensor(seed, shape=shape, occupancy=0.05, stride=4), len(shape)
    one, other, weight = leaf(x), leaf(x), random_weight(seed, kernel_size**ndim, 4, 6)
    found = transposed_conv(one, weight)
    dense = dense_transposed(other, weight)
    assert found.shape == tuple(dense.shape[2:]) == tuple(2 * length for length in shape)
    assert found.stride == 2
    assert torch.equal(found.key_N, occupied(dense))
    expected = from_dense(dense, found).feat_NC
    assert_same_with_gradients(found.feat_NC, expected, [one.feat_NC, weight], [other.feat_NC, weight])


def dense_transposed(x: SparseTensor, weight_KCE: Tensor) -> Tensor:
    """Torch's transposed convolution to twice the shape: kernel 2, or kernel 3 with padding 1 and output padding 1."""
    odd = len(weight_KCE) % 2
    kernel = dense_weight(weight_KCE, x.ndim).transpose(0, 1)
    return CONV_TRANSPOSE[x.ndim](to_dense(x), kernel, stride=2, padding=odd, output_padding=odd)


def test_transposed_conv_refuses_the_finest_sites() -> None:
    with pytest.raises(ValueError, match="stride 1 are the finest"):
        transposed_conv(tensor_of([0], shape=(2, 2)), random_weight(0, 4, 1, 1))


def test_inverse_conv_refuses_features_of_other_sites() -> None:
    fine, other = random_tensor(0, shape=(8, 8)), random_tensor(1, shape=(8, 8))
    coarse = strided_conv(other, random_weight(0, 4, 4, 4))
    with pytest.raises(ValueError, match="strided_conv made from"):
        inverse_conv(coarse, random_weight(0, 4, 4, 4), fine)


@NDIM
def test_a_kernel_of_size_one_is_one_product(ndim: int) -> None:
    x = leaf(random_tensor(0, shape=SHAPES[ndim]))
    other, weight = leaf(x), random_weight(0, 1, 4, 6)
    assert list(x.neighbours(1).counts) == [x.neighbours(1).centre]
    found, expected = submanifold_conv(x, weight).feat_NC, other.feat_NC @ weight[0]
    assert torch.equal(found, expected)
    assert_same_with_gradients(found, expected, [x.feat_NC, weight], [other.feat_NC, weight])


def test_a_step_of_one_on_a_line_adds_the_two_neighbours_by_hand() -> None:
    x = tensor_of([0, 1, 3], shape=(1, 5), values=[1.0, 10.0, 100.0])
    weight = torch.zeros(9, 1, 1, dtype=torch.float64)
    weight[3], weight[4], weight[5] = 2.0, 1.0, 3.0  # left, centre, right
    assert submanifold_conv(x, weight).feat_NC[:, 0].tolist() == [1 + 3 * 10, 2 * 1 + 10, 100]


def through_all(x: SparseTensor, seed: int = 0) -> tuple[SparseTensor, list[Tensor]]:
    """Through every operation, and the weights on the way."""
    ndim, dtype = x.ndim, x.feat_NC.dtype
    weights = [
        random_weight(seed, 3**ndim, 4, 4, dtype=dtype),
        random_weight(seed + 1, 3**ndim, 4, dtype=dtype),
        random_weight(seed + 2, 3**ndim, 4, 5, dtype=dtype),
        random_weight(seed + 3, 2**ndim, 5, 5, dtype=dtype),
        random_weight(seed + 4, 3**ndim, 5, 4, dtype=dtype),
    ]
    fine = depthwise_conv(submanifold_conv(x, weights[0]), weights[1])
    half = strided_conv(fine, weights[2])
    spread = transposed_conv(half, weights[3])
    half = add(add(half, strided_max(spread)), strided_mean(spread))
    return add(inverse_conv(half, weights[4], fine), interpolate(strided_mean(fine), fine)), weights


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


@pytest.mark.parametrize("convolution", [submanifold_conv, depthwise_conv])
@pytest.mark.parametrize(("dtype", "large"), [(torch.bfloat16, 256), (torch.float16, 2048)])
def test_half_precision_is_summed_in_float32(
    convolution: Callable[[SparseTensor, Tensor], SparseTensor], dtype: torch.dtype, large: int
) -> None:
    x = tensor_of(list(range(9)), shape=(3, 3), values=[1, 1, 1, 1, large, 1, 1, 1, 1])
    weight = torch.ones(9, 1) if convolution is depthwise_conv else torch.ones(9, 1, 1)
    out = convolution(x.replace(x.feat_NC.to(dtype)), weight.to(dtype))
    assert out.feat_NC[4].item() == large + 8  # in that type large + 1 is large


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 3e-2), (torch.float16, 4e-3)])
def test_autocast_computes_in_its_type_and_returns_float32_gradients(dtype: torch.dtype, tolerance: float) -> None:
    x = leaf(random_tensor(1, shape=(32, 24), dtype=torch.float32))
    exact, _ = through_all(x)
    with torch.autocast("cpu", dtype):
        found, weights = through_all(x)
    assert found.feat_NC.dtype == dtype
    assert relative_error(found.feat_NC.float(), exact.feat_NC) < tolerance
    gradients = torch.autograd.grad(found.feat_NC.float().sum(), [x.feat_NC, *weights])
    assert {gradient.dtype for gradient in gradients} == {torch.float32}
