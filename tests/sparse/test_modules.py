"""Layers are what their names say, and start at a useful scale."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nuweave.sparse import (
    DepthwiseConv,
    GroupNorm,
    InverseConv,
    LayerNorm,
    NormReLU,
    ResidualBlock,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    SyncBatchNorm,
    TransposedConv,
    from_dense,
    to_dense,
)
from tests.sparse.helpers import SHAPES, dense_weight, leaf, random_tensor, relative_error, tensor_of


def dense_block(block: ResidualBlock, x: SparseTensor) -> Tensor:
    """The block in dense operations under the mask of active sites."""
    conv = {2: functional.conv2d, 3: functional.conv3d}[x.ndim]
    mask = to_dense(x.replace(torch.ones_like(x.feat_NC[:, :1])))
    dense = to_dense(x)
    axes = (0, *range(2, 2 + x.ndim))
    channels = (-1, *[1] * x.ndim)
    parameters = list(block.parameters())
    for scale_C, shift_C, weight_KCE in (parameters[:3], parameters[3:]):
        mean = dense.sum(axes, keepdim=True) / mask.sum()
        variance = ((dense - mean).square() * mask).sum(axes, keepdim=True) / mask.sum()
        normal = (dense - mean) / (variance + 1e-5).sqrt()
        activated = (normal * scale_C.view(channels) + shift_C.view(channels)).relu() * mask
        dense = conv(activated, dense_weight(weight_KCE, x.ndim), padding=1) * mask
    return to_dense(x) + dense


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_residual_block_is_its_dense_counterpart_at_active_sites(ndim: int) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(4, ndim=ndim).double()
    x = random_tensor(1, shape=SHAPES[ndim])
    one, other = leaf(x), leaf(x)
    found, expected = block(one).feat_NC, from_dense(dense_block(block, other), other).feat_NC
    assert relative_error(found, expected) < 1e-12
    mine = torch.autograd.grad(found.square().sum(), [one.feat_NC, *block.parameters()])
    its = torch.autograd.grad(expected.square().sum(), [other.feat_NC, *block.parameters()])
    for gradient, dense_gradient in zip(mine, its, strict=True):
        assert relative_error(gradient, dense_gradient) < 1e-10


@pytest.mark.parametrize("norm", [LayerNorm, SyncBatchNorm, partial(GroupNorm, 2)])
def test_a_residual_block_takes_any_norm(norm: Callable[[int], nn.Module]) -> None:
    block, x = ResidualBlock(4, ndim=2, norm=norm), leaf(random_tensor(1, shape=SHAPES[2], dtype=torch.float32))
    block(x).feat_NC.square().sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in block.parameters())


def test_norm_and_relu_by_hand() -> None:
    out = NormReLU(1).double()(tensor_of([0, 1], shape=(1, 2), values=[1.0, 3.0]))
    assert out.feat_NC[:, 0].tolist() == [0.0, pytest.approx(1.0, rel=1e-4)]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_every_convolution_has_the_weights_of_its_kernel_and_trains_them(ndim: int, bias: bool) -> None:
    half = [
        SubmanifoldConv(3, 4, ndim=ndim, kernel_size=5, bias=bias),
        DepthwiseConv(4, ndim=ndim, kernel_size=3, bias=bias),
        StridedConv(4, 6, ndim=ndim, kernel_size=3, bias=bias),
    ]
    back = [
        InverseConv(6, 2, ndim=ndim, kernel_size=3, bias=bias),
        TransposedConv(6, 2, ndim=ndim, bias=bias),
    ]
    numbers = [sum(parameter.numel() for parameter in layer.parameters()) for layer in (*half, *back)]
    weights = [5**ndim * 12, 3**ndim * 4, 3**ndim * 24, 3**ndim * 12, 2**ndim * 12]
    assert numbers == [weight + bias * num for weight, num in zip(weights, [4, 4, 6, 2, 2], strict=True)]
    x = random_tensor(0, shape=(8,) * ndim, num_channels=3, dtype=torch.float32)
    coarse = nn.Sequential(*half)(x)
    total = back[0](coarse, like=x).feat_NC.square().sum() + back[1](coarse).feat_NC.square().sum()
    total.backward()
    assert all(bool(p.grad is not None and p.grad.any()) for layer in (*half, *back) for p in layer.parameters())


def test_a_bias_is_added_at_active_sites() -> None:
    layer = SubmanifoldConv(1, 1, ndim=2, kernel_size=1, bias=True).double()
    weight, bias = layer.parameters()
    nn.init.constant_(weight, 2.0)
    nn.init.constant_(bias, 5.0)
    assert layer(tensor_of([1, 3], shape=(2, 2), values=[1.0, 10.0])).feat_NC[:, 0].tolist() == [7.0, 25.0]


@pytest.mark.parametrize("make", [partial(SubmanifoldConv, 1, 1), partial(DepthwiseConv, 1)])
def test_even_kernels_are_refused(make: Callable[..., nn.Module]) -> None:
    with pytest.raises(ValueError, match="kernel_size 2 must be odd"):
        make(ndim=2, kernel_size=2)
