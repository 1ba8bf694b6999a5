"""A hang ends the run and names the rank."""

from __future__ import annotations

import time

import pytest

from nuweave.train.watch import Position, Pulse, who_hangs
from tests.train.watch_program import said, start

NAMES = ["host a, process 1", "host a, process 2", "host b, process 3"]


def test_a_pulse_counts_phases_since_the_last_exchange() -> None:
    pulse = Pulse()
    pulse.alive("step 1: forward")
    pulse.alive("step 1: backward")
    assert pulse.position == Position(0, 2, "step 1: backward")
    pulse.exchange()
    assert pulse.position == Position(1, 0, "step 1: backward")


def test_the_rank_with_fewer_exchanges_is_named_whatever_it_did_in_between() -> None:
    positions = [Position(4, 0, "step 2"), Position(3, 9, "validation batch 9"), Position(4, 0, "step 2")]
    message = who_hangs(positions, [], NAMES, 60)
    assert message.startswith(
        "rank 1 (host a, process 2) did not get past validation batch 9 for 60 s; the others wait; start again"
    )


def test_a_stopped_process_is_named_before_those_that_are_behind() -> None:
    positions = [Position(3, 0, "step 1"), Position(4, 0, "step 2"), Position(4, 0, "step 2")]
    message = who_hangs(positions, [2], NAMES, 60)
    assert message.startswith("rank 2 (host b, process 3) gave no sign for 60 s: stopped or dead, last seen at step 2;")


def test_nobody_is_named_where_all_wait_at_one_place() -> None:
    assert who_hangs([Position(4, 0, "step 2")] * 3, [], NAMES, 60).startswith("no rank got past step 2 for 60 s")


def test_of_many_ranks_some_are_named() -> None:
    positions = [Position(0, 0, "its start")] * 20 + [Position(1, 0, "step 1")]
    assert "rank 7 (x) and 12 more did not get past its start" in who_hangs(positions, [], ["x"] * 21, 60)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("rank", "how", "said_of_it"),
    [
        (1, "sleep", "did not get past step 3: forward for 3 s; the others wait"),
        (1, "stop", "gave no sign for 3 s: stopped or dead, last seen at step 3: forward"),
        (0, "stop", "gave no sign for 3 s: stopped or dead"),
    ],
)
def test_a_rank_that_hangs_ends_all_within_the_timeout_and_is_named(rank: int, how: str, said_of_it: str) -> None:
    begin = time.monotonic()
    done = start("hang", str(rank), how)
    assert time.monotonic() - begin < 3 + 15 + 15  # timeout, what it may take more, start-up on a busy machine
    assert done.returncode == 1
    (line,) = said(done)
    assert line.startswith(f"nuweave: rank {rank} (host ")
    assert said_of_it in line
