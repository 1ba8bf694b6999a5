"""Sites, keys and dense images say the same."""

from __future__ import annotations

import pytest
import torch

from nuweave.sparse import SparseTensor, from_dense, from_sites, to_dense
from tests.sparse.helpers import SHAPES, random_tensor


def test_key_is_image_times_volume_plus_site() -> None:
    x = from_sites(torch.tensor([0, 2]), torch.tensor([5, 1]), torch.ones(2, 1), shape=(2, 3), num_images=4)
    assert x.key_N.tolist() == [5, 13]
    assert x.images().index_N.tolist() == [0, 2]
    assert x.ndim == 2


@pytest.mark.parametrize("sites", [[3, 2], [3, 3]])
def test_sites_out_of_order_or_twice_are_refused(sites: list[int]) -> None:
    with pytest.raises(ValueError, match="strictly ascending"):
        from_sites(torch.zeros(2, dtype=torch.int64), torch.tensor(sites), torch.ones(2, 1), shape=(2, 3), num_images=1)


def test_dense_by_hand() -> None:
    x = from_sites(torch.tensor([0, 1]), torch.tensor([5, 1]), torch.tensor([[7.0], [8.0]]), shape=(2, 3), num_images=2)
    assert to_dense(x)[:, 0].tolist() == [[[0, 0, 0], [0, 0, 7]], [[0, 8, 0], [0, 0, 0]]]


@pytest.mark.parametrize("ndim", [2, 3])
def test_dense_and_back_is_the_identity(ndim: int) -> None:
    x = random_tensor(0, shape=SHAPES[ndim])
    assert torch.equal(from_dense(to_dense(x), x).feat_NC, x.feat_NC)


def test_dense_of_no_site_is_all_zeros() -> None:
    x = SparseTensor(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), (3, 4), num_images=2)
    assert to_dense(x).shape == (2, 2, 3, 4)
    assert not to_dense(x).any()
