"""A rank of the doctor's trial: `python -m nuweave.sites.doctor.rank`; the first prints how many there are."""

from __future__ import annotations

import os
import sys

from nuweave.ranks import LAUNCHERS, find_place, start_mpi


def count_ranks() -> tuple[int, int | None]:
    """This rank, and the number of all: by MPI where the launcher speaks it, as the training finds it."""
    place = find_place(os.environ)
    if place.launcher == "none" or not LAUNCHERS[place.launcher].speaks_mpi:
        return place.rank, place.world_size
    communicator = start_mpi(place)
    return communicator.Get_rank(), communicator.allreduce(1)


if __name__ == "__main__":
    rank, number = count_ranks()
    if rank == 0:
        sys.stdout.write(f"{number}\n")
