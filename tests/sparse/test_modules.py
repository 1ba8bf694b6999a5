"""Layers are what their names say, and start at a useful scale."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from nuweave.sparse import (
    DepthwiseConv,
    InverseConv,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
)
from tests.sparse.helpers import random_tensor, tensor_of


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
