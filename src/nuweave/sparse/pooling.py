"""Pooling over active sites only, of a window or of a whole image; sums in float32 or wider.

Shapes: N sites, M coarse sites, C channels, K kernel offsets, P pairs, I images.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
    return _largest(feat_NC, x.images().index_N, x.num_images)


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
    groups = halving.kernel.groups
    source_P = torch.cat([x.key_N[:0], *(group.source_P for group in groups)])
    target_P = torch.cat([x.key_N[:0], *(group.target_P for group in groups)])
    return coarse(x, halving, _largest(x.feat_NC.index_select(0, source_P), target_P, len(halving.key_M)))


def _largest(feat_PC: Tensor, target_P: Tensor, num_targets: int) -> Tensor:
    """Largest of each feature over the rows of each target; zeros where there is none."""
    zeros = feat_PC.new_zeros(num_targets, feat_PC.shape[1])
    return zeros.scatter_reduce(0, target_P[:, None].expand_as(feat_PC), feat_PC, "amax", include_self=False)
