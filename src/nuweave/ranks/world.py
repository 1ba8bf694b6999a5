"""Ranks that share one piece of work over MPI, event by event; training has its own ways (train.distributed)."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from nuweave.config import UserError
from nuweave.ranks.place import Place, find_place

Item = TypeVar("Item")


class RanksError(UserError):
    """Ranks that cannot work together; the message says why and what to do."""


@dataclass(frozen=True)
class World:
    """All ranks, seen by one of them.

    Attributes:
        rank: of this process; 0 is the one that speaks and writes.
        size: number of ranks.
        communicator: of mpi4py; None for a process on its own.
    """

    rank: int
    size: int
    communicator: Any = None

    def gather(self, item: Item) -> list[Item]:
        """What every rank gives, in their order, on rank 0; nothing on the others. All ranks must call it."""
        if self.communicator is None:
            return [item]
        return self.communicator.gather(item, root=0) or []

    def together(self, work: Callable[[], Item]) -> Item:
        """Do something on every rank; a user's mistake on any of them is raised by all. All ranks must call it.

        Raises:
            UserError: that of the first rank that made one.
        """
        done: Item | None = None
        mistake: UserError | None = None
        try:
            done = work()
        except UserError as error:
            mistake = error
        mistakes = [mistake] if self.communicator is None else self.communicator.allgather(mistake)
        for first in mistakes:
            if first is not None:
                raise first
        return cast(Item, done)


ALONE = World(rank=0, size=1)


@contextmanager
def all_ranks() -> Iterator[World]:
    """The ranks that `mpiexec` or `srun` started with this process, or the process alone.

    A user's mistake must be raised by all of them (`World.together`): rank 0 tells it. Any other error ends all ranks
    at once, as the others would wait for this one for ever.

    Raises:
        RanksError: MPI does not start, or its ranks are not those of the launcher.
    """
    place = find_place(os.environ)
    if place.world_size == 1:
        yield ALONE
        return
    communicator = start_mpi(place)
    try:
        yield World(communicator.Get_rank(), communicator.Get_size(), communicator)
    except UserError as error:
        if communicator.Get_rank() > 0:
            sys.exit(error.exit_status)
        raise
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        communicator.Abort(1)
        raise


def start_mpi(place: Place) -> Any:
    """Start MPI: the communicator of all ranks.

    Raises:
        RanksError: mpi4py does not start, or belongs to another MPI than the launcher.
    """
    if place.launcher == "openmpi":  # the wheel of mpi4py speaks several MPIs and would take the one beside python
        os.environ.setdefault("MPI4PY_MPIABI", "openmpi")
        os.environ.setdefault("MPI4PY_LIBMPI", "libmpi.so.40")
    try:
        from mpi4py import MPI  # it starts MPI
    except (ImportError, RuntimeError) as error:
        raise RanksError(
            f"launcher {place.launcher}: mpi4py cannot start ({error}); put the MPI of this mpiexec on "
            "LD_LIBRARY_PATH, or start with the mpiexec that stands beside python"
        ) from error
    size = int(MPI.COMM_WORLD.Get_size())
    if place.world_size not in (None, size):
        raise RanksError(
            f"{place.launcher} started {place.world_size} ranks but mpi4py sees {size}: they belong to different "
            "MPIs; start with the mpiexec that stands beside python"
        )
    return MPI.COMM_WORLD
