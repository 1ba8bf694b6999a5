"""Several sparse tensors into one.

Shapes: N sites, M other sites, U sites of either, C channels.
"""

from __future__ import annotations

import torch

from nuweave.sparse.tensor import SparseTensor


def add(x: SparseTensor, y: SparseTensor) -> SparseTensor:
    """Sum of features on the same sites.

    Raises:
        ValueError: the sites differ
    """
    _require_same_sites("add", x, y)
    return x.replace(x.feat_NC + y.feat_NC)


def concatenate(x: SparseTensor, y: SparseTensor) -> SparseTensor:
    """Channels of x, then those of y, on the same sites.

    Raises:
        ValueError: the sites differ
    """
    _require_same_sites("concatenate", x, y)
    return x.replace(torch.cat([x.feat_NC, y.feat_NC], dim=1))


def union(x: SparseTensor, y: SparseTensor) -> SparseTensor:
    """Sum of features on the sites of either; a tensor counts as zero where it has no site.

    Raises:
        ValueError: the images differ in shape, number or stride
    """
    _require_same_images("union", x, y)
    if x.maps is y.maps:
        return add(x, y)
    key_U, place = torch.unique(torch.cat([x.key_N, y.key_N]), return_inverse=True)
    place_N, place_M = place.split([len(x.key_N), len(y.key_N)])
    dtype = torch.promote_types(x.feat_NC.dtype, y.feat_NC.dtype)
    feat_UC = x.feat_NC.new_zeros(len(key_U), x.feat_NC.shape[1], dtype=dtype)
    feat_UC = feat_UC.index_copy(0, place_N, x.feat_NC.to(dtype)).index_add(0, place_M, y.feat_NC.to(dtype))
    return SparseTensor(feat_UC, key_U, x.shape, x.num_images, x.stride)


def _require_same_images(name: str, x: SparseTensor, y: SparseTensor) -> None:
    mine, its = (x.num_images, x.shape, x.stride), (y.num_images, y.shape, y.stride)
    if mine != its:
        raise ValueError(
            f"{name}: images of (number, shape, stride) {mine} and {its} must be alike; resample one first"
        )


def _require_same_sites(name: str, x: SparseTensor, y: SparseTensor) -> None:
    """Tensors of one lineage share their maps, which costs nothing to see; only others are compared site by site."""
    _require_same_images(name, x, y)
    if x.maps is not y.maps and not torch.equal(x.key_N, y.key_N):
        raise ValueError(f"{name}: {len(x.key_N)} and {len(y.key_N)} sites must be the same sites; use union")
