"""One rank needs no group; a wrong number of ranks is refused."""

from __future__ import annotations

import pytest
import torch

from nuweave.train.distributed import all_ranks, one_process
from nuweave.train.errors import TrainError


def test_with_one_rank_every_exchange_is_the_identity() -> None:
    ranks = one_process()
    tensor = torch.tensor([1.0, 2.0])
    assert ranks.sum(tensor) is tensor
    assert ranks.gather("a") == ["a"]
    assert ranks.broadcast(3) == 3
    assert ranks.is_first
    ranks.barrier()


def test_another_number_of_ranks_is_refused_with_both_remedies() -> None:
    with (
        pytest.raises(TrainError, match=r"train.ranks=4 but 1 started \(none\); start with mpiexec -n 4, or set"),
        all_ranks(4),
    ):
        pass


def test_a_group_of_one_starts_and_ends() -> None:
    for _ in range(2):
        with all_ranks(1) as ranks:
            assert (ranks.rank, ranks.world_size) == (0, 1)
            assert torch.distributed.is_initialized()
        assert not torch.distributed.is_initialized()
