"""Ranks over real MPI: what they exchange, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nuweave.config import UserError
from nuweave.ranks import ALONE, RanksError, find_place, start_mpi
from tests.ranks.test_place import OPENMPI

PROGRAM = Path(__file__).with_name("world_program.py")


def two_ranks(what: str) -> subprocess.CompletedProcess[str]:
    mpiexec = Path(sys.executable).with_name("mpiexec")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PMI_", "MPI_", "OMPI_"))}
    command = [str(mpiexec), "-n", "2", sys.executable, str(PROGRAM), what]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def test_a_process_alone_exchanges_with_itself() -> None:
    assert ALONE.gather("a") == ["a"]
    assert ALONE.together(lambda: 3) == 3


def test_an_mpi_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for name in ("MPI4PY_MPIABI", "MPI4PY_LIBMPI"):
        monkeypatch.setenv(name, "")  # so that what start_mpi sets is taken back
        monkeypatch.delenv(name)
    with pytest.raises(RanksError, match=r"launcher openmpi: mpi4py cannot start \(.*\); put the MPI of this"):
        start_mpi(find_place(OPENMPI))
    assert os.environ["MPI4PY_MPIABI"] == "openmpi"


def test_a_process_alone_raises_its_own_mistake() -> None:
    def fail() -> None:
        raise UserError("a.h5: is damaged")

    with pytest.raises(UserError, match="is damaged"):
        ALONE.together(fail)


@pytest.mark.mpi
def test_rank_0_gets_what_all_ranks_give_in_their_order() -> None:
    done = two_ranks("gather")
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, ["0: [0, 10]", "1: []"])


@pytest.mark.mpi
def test_a_mistake_of_one_rank_ends_all_and_is_told_once() -> None:
    done = two_ranks("mistake")
    assert done.returncode == 1
    assert done.stderr.count("nuweave: rank 1 found b.h5 damaged") == 1


@pytest.mark.mpi
def test_an_unforeseen_error_of_one_rank_ends_the_other_which_waits() -> None:
    done = two_ranks("error")
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr
