"""Features on the active sites of a batch of images.

Shapes: N sites, C channels, I images, D dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from nuweave.sparse.maps import (
    Crossing,
    Images,
    KernelMap,
    SiteMaps,
    find_doubling,
    find_halving,
    find_images,
    find_interpolation,
    find_neighbours,
)


@dataclass(frozen=True, eq=False)
class SparseTensor:
    """Features on active sites. Operations that keep the sites share `key_N` and `maps`.

    Attributes:
        feat_NC: floating features, a row a site
        key_N: int64, image * prod(shape) + site (C order), strictly ascending
        shape: sites along each axis, at this stride
        num_images: images of the batch, those without a site included
        stride: sites of the finest grid along each axis of one site here
        maps: kernel maps of these sites, a cache
    """

    feat_NC: Tensor
    key_N: Tensor
    shape: tuple[int, ...]
    num_images: int
    stride: int = 1
    maps: SiteMaps = field(default_factory=SiteMaps, repr=False)

    @property
    def ndim(self) -> int:
        """Dimensions of an image."""
        return len(self.shape)

    def replace(self, feat_NC: Tensor) -> SparseTensor:
        """Other features on the same sites."""
        return replace(self, feat_NC=feat_NC)

    def images(self) -> Images:
        """The image of each site and the sites of each image, from the cache when there."""
        if self.maps.images is None:
            self.maps.images = find_images(self.key_N, self.shape, self.num_images)
        return self.maps.images

    def neighbours(self, kernel_size: int) -> KernelMap:
        """Pairs of sites within a centred cube of odd size, from the cache when there."""
        if kernel_size not in self.maps.neighbours:
            self.maps.neighbours[kernel_size] = find_neighbours(self.key_N, self.shape, kernel_size)
        return self.maps.neighbours[kernel_size]

    def halving(self, kernel_size: int) -> Crossing:
        """The sites of twice the stride, from the cache when there."""
        if kernel_size not in self.maps.halvings:
            self.maps.halvings[kernel_size] = find_halving(self.key_N, self.shape, kernel_size)
        return self.maps.halvings[kernel_size]

    def doubling(self, kernel_size: int) -> Crossing:
        """The sites of half the stride that a kernel reaches, from the cache when there."""
        if kernel_size not in self.maps.doublings:
            self.maps.doublings[kernel_size] = find_doubling(self.key_N, self.shape, kernel_size)
        return self.maps.doublings[kernel_size]

    def interpolation(self, coarse: SparseTensor) -> KernelMap:
        """Pairs from the coarse sites of kernel 2, on which `coarse` lies, to these, from the cache when there."""
        if self.maps.interpolation is None:
            self.maps.interpolation = find_interpolation(self.halving(2).kernel, coarse.neighbours(3), self.ndim)
        return self.maps.interpolation


def from_sites(
    images_N: Tensor, sites_N: Tensor, feat_NC: Tensor, *, shape: tuple[int, ...], num_images: int, stride: int = 1
) -> SparseTensor:
    """A sparse tensor of ids in the image.

    Args:
        images_N: int64, image of each site, 0 to num_images - 1
        sites_N: int64, C-order id in the image
        feat_NC: features
        shape: sites along each axis
        num_images: images of the batch
        stride: sites of the finest grid along each axis of one site here
    Raises:
        ValueError: (image, site) is not strictly ascending; features are never reordered behind the caller's labels
    """
    key_N = images_N * math.prod(shape) + sites_N
    if bool((key_N[1:] <= key_N[:-1]).any()):
        raise ValueError("sparse tensor: (image, site) must be strictly ascending; sort the sites and drop duplicates")
    return SparseTensor(feat_NC, key_N, shape, num_images, stride)


def to_dense(x: SparseTensor) -> Tensor:
    """Images with zeros off the active sites, [I, C, *shape]."""
    num_channels = x.feat_NC.shape[1]
    flat = x.feat_NC.new_zeros(x.num_images * math.prod(x.shape), num_channels)
    flat = flat.index_copy(0, x.key_N, x.feat_NC)
    return flat.view(x.num_images, *x.shape, num_channels).movedim(-1, 1)


def from_dense(dense: Tensor, like: SparseTensor) -> SparseTensor:
    """The rows of `dense` [I, C, *shape] at the sites of `like`."""
    return like.replace(dense.movedim(1, -1).flatten(0, -2).index_select(0, like.key_N))


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type that sums of `dtype` are kept in."""
    return torch.promote_types(dtype, torch.float32)
