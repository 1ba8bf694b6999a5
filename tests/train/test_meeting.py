"""Ranks that do not meet say so in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nuweave.ranks import Place
from nuweave.train.errors import TrainError
from nuweave.train.launch import free_port
from nuweave.train.meeting import meet


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_waits_in_vain_says_where_and_how_long(monkeypatch: pytest.MonkeyPatch, rank: int) -> None:
    port = free_port()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    alone = Place("torchrun", rank=rank, world_size=2, local_rank=rank, local_size=2)
    with pytest.raises(TrainError, match=rf"^2 ranks did not meet at 127.0.0.1:{port} within 1 s \(.+\); look at the"):
        meet(alone, timedelta(seconds=1))
