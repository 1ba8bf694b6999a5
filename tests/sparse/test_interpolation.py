"""Interpolation is torch's Upsample under the mask of active sites."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nuweave.sparse import SparseTensor, from_dense, interpolate, strided_conv, strided_max, to_dense
from tests.sparse.helpers import SHAPES, assert_same_with_gradients, leaf, random_tensor, random_weight, tensor_of

pytestmark = pytest.mark.usefixtures("num_threads")

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
CASE = pytest.mark.parametrize("shape", [(11,), *SHAPES.values(), (180, 150)])


def upsampled(dense: Tensor, like: SparseTensor) -> Tensor:
    """Torch's Upsample, the first sites of the shape of `like`."""
    dense = nn.Upsample(scale_factor=2, mode=MODES[like.ndim], align_corners=False)(dense)
    for axis, length in enumerate(like.shape):
        dense = dense.narrow(2 + axis, 0, length)
    return dense


def coarse_leaf(like: SparseTensor) -> SparseTensor:
    """Features that collect a gradient on the coarse sites of `like`."""
    x = strided_conv(like, random_weight(0, 2**like.ndim, 4, 5))
    return x.replace(x.feat_NC.detach().clone().requires_grad_())


@CASE
def test_interpolation_is_upsample_of_what_is_active_over_upsample_of_the_mask(shape: tuple[int, ...]) -> None:
    like = random_tensor(0, shape=shape, occupancy=0.15)
    one, other = coarse_leaf(like), coarse_leaf(like)
    mask = to_dense(other.replace(torch.ones_like(other.feat_NC[:, :1])))
    sum_NC, share_N1 = (from_dense(upsampled(dense, like), like).feat_NC for dense in (to_dense(other), mask))
    found = interpolate(one, like)
    assert (found.stride, found.maps) == (1, like.maps)
    assert_same_with_gradients(found.feat_NC, sum_NC / share_N1, [one.feat_NC], [other.feat_NC])


@CASE
def test_interpolation_of_full_images_is_upsample_edges_included(shape: tuple[int, ...]) -> None:
    like = random_tensor(0, shape=shape, occupancy=1.0)
    one, other = coarse_leaf(like), coarse_leaf(like)
    expected = from_dense(upsampled(to_dense(other), like), like)
    assert_same_with_gradients(interpolate(one, like).feat_NC, expected.feat_NC, [one.feat_NC], [other.feat_NC])


def test_interpolation_by_hand() -> None:
    like = tensor_of([1, 2, 3, 6], shape=(8,), values=[4.0, 8.0, 7.0, 12.0])  # coarse sites 0, 1 and 3
    found = interpolate(strided_max(like), like).feat_NC[:, 0].tolist()
    assert found == [(3 * 4 + 8) / 4, (3 * 8 + 4) / 4, 8, 12]


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("num_sites", [0, 1])
def test_no_site_and_one_site_keep_the_coarse_features(ndim: int, num_sites: int) -> None:
    x = random_tensor(0, shape=SHAPES[ndim])
    like = leaf(SparseTensor(x.feat_NC[:num_sites], x.key_N[:num_sites], x.shape, x.num_images))
    found = interpolate(strided_max(like), like).feat_NC
    assert torch.equal(found, like.feat_NC)
    (gradient,) = torch.autograd.grad(found.sum(), [like.feat_NC])
    assert torch.equal(gradient, torch.ones_like(like.feat_NC))


def test_interpolation_refuses_features_of_other_sites() -> None:
    like, other = random_tensor(0, shape=(8, 8)), random_tensor(1, shape=(8, 8))
    with pytest.raises(ValueError, match="of kernel 2 made from"):
        interpolate(strided_max(other), like)
