"""An error of a rank is told once and ends all ranks."""

from __future__ import annotations

import pytest

from nuweave.train.errors import RunTakenError, TrainError
from nuweave.train.failure import errors_of_ranks
from tests.train.watch_program import said, start

MISTAKE = "events.h5: event 7 is damaged; write the file again"


def test_a_process_on_its_own_just_raises() -> None:
    with pytest.raises(TrainError, match="no such file"), errors_of_ranks():
        raise TrainError("no such file")


@pytest.mark.mpi
@pytest.mark.parametrize("when", ["early", "error"])
@pytest.mark.parametrize(("who", "line"), [("all", f"nuweave: {MISTAKE}"), ("1", f"nuweave: rank 1: {MISTAKE}")])
def test_a_mistake_is_told_in_one_line_that_names_the_rank_unless_all_make_it(when: str, who: str, line: str) -> None:
    done = start(when, who, "user")
    assert done.returncode == 1
    assert said(done) == [line]
    assert "Traceback" not in done.stderr


@pytest.mark.mpi
def test_a_bug_of_one_rank_shows_its_traceback_and_nothing_of_the_rank_that_lost_it() -> None:
    done = start("error", "1", "bug")
    assert done.returncode == 1
    assert said(done) == ["nuweave: rank 1: unforeseen error"]
    assert done.stderr.count("Traceback") == 1
    assert "KeyError: 'no such thing'" in done.stderr


@pytest.mark.mpi
def test_a_mistake_with_a_status_of_its_own_gives_it_to_mpiexec() -> None:
    done = start("error", "all", "taken")
    assert done.returncode == RunTakenError.exit_status == 75
    assert said(done) == ["nuweave: run: another process trains here"]
