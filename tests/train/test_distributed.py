"""One rank needs no group; a wrong number of ranks is refused."""

from __future__ import annotations

import socket

import pytest
import torch

from nuweave.config.train import TrainConfig
from nuweave.train.distributed import all_ranks, choose_backend, choose_device, one_process
from nuweave.train.errors import TrainError


def test_with_one_rank_every_exchange_is_the_identity() -> None:
    ranks = one_process()
    tensor = torch.tensor([1.0, 2.0])
    assert ranks.sum(tensor) is tensor
    assert ranks.gather("a") == ["a"]
    assert ranks.broadcast(3) == 3
    assert ranks.is_first
    ranks.barrier()


def settings(ranks: int) -> TrainConfig:
    """Settings for so many ranks."""
    return TrainConfig(ranks=ranks)


def test_another_number_of_ranks_is_refused_with_both_remedies() -> None:
    with (
        pytest.raises(TrainError, match=r"train.ranks=4 but 1 started \(none\); start with mpiexec -n 4, or set"),
        all_ranks(settings(4), print),
    ):
        pass
    assert not torch.distributed.is_initialized()


def test_a_group_of_one_starts_tells_where_and_ends() -> None:
    for _ in range(2):
        told: list[str] = []
        with all_ranks(settings(1), told.append) as ranks:
            assert (ranks.rank, ranks.world_size) == (0, 1)
            assert torch.distributed.is_initialized()
        assert not torch.distributed.is_initialized()
        (line,) = told
        assert line.startswith(f"1 node ({socket.gethostname()}), rank 0: ")


def test_ranks_take_the_devices_in_turn_and_neighbours_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _index: None)
    assert [choose_device(local).index for local in range(4)] == [0, 1, 0, 1]
    assert [choose_device(local, ranks_per_device=2).index for local in range(4)] == [0, 0, 1, 1]


@pytest.mark.parametrize(("kind", "backend"), [("cuda", "nccl"), ("xpu", "xccl"), ("cpu", "gloo")])
def test_the_backend_is_that_of_the_device_but_gloo_where_ranks_share_one(kind: str, backend: str) -> None:
    assert choose_backend(torch.device(kind), 1) == backend
    assert choose_backend(torch.device(kind), 2) == "gloo"
