"""Layers are what their names say, and start at a useful scale."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.sparse import NormReLU, ResidualBlock, SparseTensor, SubmanifoldConv, from_dense, to_dense
from tests.sparse.helpers import SHAPES, dense_weight, leaf, random_tensor, relative_error


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


@pytest.mark.parametrize("num_sites", [0, 1])
def test_norm_of_too_few_sites_uses_and_keeps_the_running_statistics(num_sites: int) -> None:
    layer = NormReLU(2)
    norm = layer.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0)
    feat_NC = torch.full((num_sites, 2), 5.0).requires_grad_()
    out = layer(SparseTensor(feat_NC, torch.arange(num_sites), (3, 4), num_images=2)).feat_NC
    torch.testing.assert_close(out, torch.full((num_sites, 2), 2.0), rtol=1e-5, atol=0)  # (5 - 1) / sqrt(4)
    assert norm.running_mean.tolist() == [1.0, 1.0]
    assert norm.running_var.tolist() == [4.0, 4.0]
    gradients = torch.autograd.grad(out.sum(), [norm.weight, norm.bias, feat_NC])
    assert gradients[1].tolist() == [num_sites, num_sites]
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


def test_even_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel_size 2 must be odd"):
        SubmanifoldConv(1, 1, ndim=2, kernel_size=2)
