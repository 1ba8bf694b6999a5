"""Pooling over active sites only, of a window or of a whole image; sums in float32 or wider.

Shapes: N sites, M coarse sites, C channels, K kernel offsets, P pairs, I images.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nuweave.sparse.convolution import coarse, convolve
from nuweave.sparse.tensor import SparseTensor, wide


def pool_mean(x: SparseTensor) -> Tensor:
    """Mean over the active sites of each image, float32 or wider [I, C]; zeros for an image without a site."""
    images = x.images()
    feat_NC = x.feat_NC.to(wide(x.feat_NC.dtype))
    sum_IC = feat_NC.new_zeros(x.num_images, feat_NC.shape[1]).index_add(0, images.index_N, feat_NC)
    return sum_IC / images.count_I.clamp(min=1)[:, None]


def pool_max(x: SparseTensor) -> Tensor:
    """Largest of each feature over the active sites of each image, float32 or wider [I, C]; zeros where none is."""
    feat_NC = x.feat_NC.to(wide(x.feat_NC.dtype))
    every_N = torch.arange(len(feat_NC), device=feat_NC.device)
    return _largest(feat_NC, every_N, x.images().index_N, x.num_images)


def strided_mean(x: SparseTensor, kernel_size: int = 2) -> SparseTensor:
    """Mean over the active sites of the windows of `strided_conv`."""
    halving = x.halving(kernel_size)
    ones_KC = x.feat_NC.new_ones(kernel_size**x.ndim, x.feat_NC.shape[1])
    sum_MC = convolve(x.feat_NC, ones_KC, halving.kernel)
    count_M1 = convolve(torch.ones_like(x.feat_NC[:, :1]), ones_KC[:, :1], halving.kernel)
    return coarse(x, halving, sum_MC / count_M1)


def strided_max(x: SparseTensor, kernel_size: int = 2) -> SparseTensor:
    """Largest of each feature over the active sites of the windows of `strided_conv`; equal ones share the gradient."""
    halving = x.halving(kernel_size)
    sources, targets = halving.kernel.sources, halving.kernel.targets
    return coarse(x, halving, _largest(x.feat_NC, sources.site_P, targets.site_P, targets.num_sites))


def _largest(feat_NC: Tensor, source_P: Tensor, target_P: Tensor, num_targets: int) -> Tensor:
    """Largest of each feature over the sources of each target; zeros where there is none."""
    largest_MC: Tensor = _Largest.apply(feat_NC, source_P, target_P, num_targets)  # type: ignore[no-untyped-call]
    return largest_MC


class _Largest(torch.autograd.Function):
    """Equal ones share the gradient, as in torch's own `scatter_reduce`, whose backward pass takes far longer."""

    @staticmethod
    def forward(ctx: Any, feat_NC: Tensor, source_P: Tensor, target_P: Tensor, num_targets: int) -> Tensor:
        feat_PC = feat_NC.index_select(0, source_P)
        zeros = feat_PC.new_zeros(num_targets, feat_PC.shape[1])
        index_PC = target_P.long()[:, None].expand_as(feat_PC)
        largest_MC = zeros.scatter_reduce(0, index_PC, feat_PC, "amax", include_self=False)
        ctx.save_for_backward(feat_NC, source_P, target_P, largest_MC)
        return largest_MC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_MC: Tensor) -> tuple[Tensor, None, None, None]:
        feat_NC, source_P, target_P, largest_MC = ctx.saved_tensors
        feat_PC = feat_NC.index_select(0, source_P)
        equal_PC = (feat_PC == largest_MC.index_select(0, target_P)).to(grad_MC.dtype)
        count_MC = torch.zeros_like(grad_MC).index_add_(0, target_P.long(), equal_PC)
        grad_PC = equal_PC * (grad_MC / count_MC).index_select(0, target_P)
        return torch.zeros_like(feat_NC).index_add_(0, source_P.long(), grad_PC), None, None, None
