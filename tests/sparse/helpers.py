"""Random sparse images, and the dense images that they stand for."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from nuweave.sparse import SparseTensor, from_sites

SHAPES = {2: (7, 10), 3: (5, 6, 7)}
TOLERANCE = 1e-12


def random_tensor(
    seed: int,
    *,
    shape: tuple[int, ...],
    num_images: int = 3,
    num_channels: int = 4,
    occupancy: float = 0.3,
    dtype: torch.dtype = torch.float64,
    stride: int = 1,
) -> SparseTensor:
    """Uniformly random active sites with normal features."""
    generator = torch.Generator().manual_seed(seed)
    num_sites = math.prod(shape)
    images_N, sites_N = (torch.rand(num_images, num_sites, generator=generator) < occupancy).nonzero(as_tuple=True)
    feat_NC = torch.randn(len(sites_N), num_channels, generator=generator, dtype=dtype)
    return from_sites(images_N, sites_N, feat_NC, shape=shape, num_images=num_images, stride=stride)


def tensor_of(sites: list[int], *, shape: tuple[int, ...], values: list[float] | None = None) -> SparseTensor:
    """One image with one channel; ones unless `values` are given."""
    feat_N1 = torch.tensor(values or [1.0] * len(sites), dtype=torch.float64)[:, None]
    sites_N = torch.tensor(sites, dtype=torch.int64)
    return from_sites(torch.zeros_like(sites_N), sites_N, feat_N1, shape=shape, num_images=1)


def leaf(x: SparseTensor) -> SparseTensor:
    """The same sites without caches, with features that collect a gradient."""
    feat_NC = x.feat_NC.detach().clone().requires_grad_()
    return SparseTensor(feat_NC, x.key_N, x.shape, x.num_images, x.stride)


def random_weight(seed: int, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal weights that collect a gradient."""
    return torch.randn(*size, generator=torch.Generator().manual_seed(1000 + seed), dtype=dtype).requires_grad_()


def dense_weight(weight_KCE: Tensor, ndim: int) -> Tensor:
    """A sparse weight [K, C, E] in torch's layout [E, C, *kernel]."""
    size = round(weight_KCE.shape[0] ** (1 / ndim))
    return weight_KCE.permute(2, 1, 0).reshape(weight_KCE.shape[2], weight_KCE.shape[1], *[size] * ndim)


def pad_to(dense: Tensor, kernel_size: int, *, value: float = 0.0) -> Tensor:
    """Images with the margin that makes a dense operation of stride 2 without padding see the sparse windows."""
    before = (kernel_size - 1) // 2
    pads = [pad for length in reversed(dense.shape[2:]) for pad in (before, length % 2)]
    return functional.pad(dense, pads, value=value)


def occupied(dense: Tensor) -> Tensor:
    """Keys of the sites where any channel of [I, C, *shape] is not zero."""
    return dense.ne(0).any(dim=1).flatten().nonzero()[:, 0]


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


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Largest difference as a share of the largest expected value."""
    return float(((found - expected).abs().max() / expected.abs().max()).detach())
