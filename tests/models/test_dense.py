"""Layers on whole images, where torch's own needed care; that they agree with sparse ones stands in test_agreement."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.models.dense import DenseConv, DenseDepthwiseConv, torch_layout
from tests.sparse.helpers import relative_error

SHORT = [(2, 3, 2), (1, 1, 3), (6, 1, 2), (4, 7, 8)]


def volumes(shape: tuple[int, ...]) -> Tensor:
    """Two volumes of four channels, channels innermost in memory."""
    return torch.randn(2, *shape, 4, generator=torch.Generator().manual_seed(0)).movedim(-1, 1)


@pytest.mark.parametrize("shape", SHORT)
@pytest.mark.parametrize("size", [3, 5])
def test_volumes_shorter_than_the_kernel_have_zeros_around_them_as_all_have(size: int, shape: tuple[int, ...]) -> None:
    layer = DenseConv(4, 4, kernel=(size,) * 3, bias=True)
    expected = functional.conv3d(
        volumes(shape), torch_layout(layer.weight_KCE, layer.kernel), layer.bias_E, padding=size // 2
    )
    torch.testing.assert_close(layer(volumes(shape)), expected)


@pytest.mark.parametrize("shape", SHORT)
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("depthwise", [False, True])
def test_short_volumes_give_weights_their_gradient_in_bfloat16(
    depthwise: bool, size: int, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    mixing = DenseConv(4, 4, kernel=(size,) * 3, bias=False)
    layer = DenseDepthwiseConv(4, ndim=3, kernel_size=size, bias=False) if depthwise else mixing
    gradients = []
    for in_bfloat16 in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bfloat16):
            out = layer(volumes(shape)).float()
        gradients.append(torch.autograd.grad((out * out.detach()).sum(), layer.weight_KCE)[0])
    assert relative_error(gradients[1], gradients[0]) < 0.03
