"""Pooling over the active sites of each image, in float32 or wider.

Shapes: N sites, C channels, I images.
"""

from __future__ import annotations

from torch import Tensor

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
    index_NC = x.images().index_N[:, None].expand_as(feat_NC)
    zeros_IC = feat_NC.new_zeros(x.num_images, feat_NC.shape[1])
    return zeros_IC.scatter_reduce(0, index_NC, feat_NC, "amax", include_self=False)
