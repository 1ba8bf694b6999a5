"""Pooling sees the active sites of one image and nothing else."""

from __future__ import annotations

from nuweave.sparse import SparseTensor, pool_max, pool_mean
from tests.sparse.helpers import tensor_of


def test_pooling_by_hand() -> None:
    x = tensor_of([0, 3, 5], shape=(2, 4), values=[-1.0, -2.0, -6.0])
    x = SparseTensor(x.feat_NC, x.key_N + 8, x.shape, num_images=3)
    assert pool_mean(x)[:, 0].tolist() == [0.0, -3.0, 0.0]
    assert pool_max(x)[:, 0].tolist() == [0.0, -1.0, 0.0]
    assert x.images().count_I.tolist() == [0, 3, 0]
