"""Who am I among the ranks: read from whatever launcher started this process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Launcher:
    """How a launcher tells its ranks apart: names of environment variables.

    Attributes:
        marks: variables that must all be set for this launcher to be the one.
        sizes: variables that may hold the number of ranks, best first.
        local_sizes: the same for the ranks of one node.
        speaks_mpi: whether mpi4py can reach the other ranks.
    """

    marks: tuple[str, ...]
    rank: str
    sizes: tuple[str, ...]
    local_rank: str
    local_sizes: tuple[str, ...]
    speaks_mpi: bool


# The first that fits counts. Slurm's variables are also set around an mpiexec inside a job, so MPI's own come first.
LAUNCHERS = {
    "torchrun": Launcher(
        ("RANK", "WORLD_SIZE"), "RANK", ("WORLD_SIZE",), "LOCAL_RANK", ("LOCAL_WORLD_SIZE",), speaks_mpi=False
    ),
    "pals": Launcher(
        ("PALS_RANKID",), "PALS_RANKID", ("PMI_SIZE",), "PALS_LOCAL_RANKID", ("PMI_LOCAL_SIZE",), speaks_mpi=True
    ),
    "openmpi": Launcher(
        ("OMPI_COMM_WORLD_RANK",),
        "OMPI_COMM_WORLD_RANK",
        ("OMPI_COMM_WORLD_SIZE",),
        "OMPI_COMM_WORLD_LOCAL_RANK",
        ("OMPI_COMM_WORLD_LOCAL_SIZE",),
        speaks_mpi=True,
    ),
    "mpich": Launcher(
        ("PMI_RANK", "MPI_LOCALRANKID"),
        "PMI_RANK",
        ("PMI_SIZE",),
        "MPI_LOCALRANKID",
        ("MPI_LOCALNRANKS",),
        speaks_mpi=True,
    ),
    "slurm": Launcher(
        ("SLURM_PROCID", "SLURM_STEP_ID"),
        "SLURM_PROCID",
        ("SLURM_NTASKS",),
        "SLURM_LOCALID",
        ("SLURM_NTASKS_PER_NODE", "SLURM_STEP_TASKS_PER_NODE"),
        speaks_mpi=False,
    ),
    "pmi": Launcher(("PMI_RANK",), "PMI_RANK", ("PMI_SIZE",), "PMI_LOCAL_RANK", ("PMI_LOCAL_SIZE",), speaks_mpi=True),
}


@dataclass(frozen=True)
class Place:
    """This process among the ranks.

    Attributes:
        launcher: key of LAUNCHERS; "none" is one process on its own.
        world_size: None where only MPI itself knows.
        local_size: ranks on this node; 1 where unknown.
    """

    launcher: str
    rank: int
    world_size: int | None
    local_rank: int
    local_size: int


def find_place(environment: Mapping[str, str]) -> Place:
    """Rank and sizes from the variables of the launcher."""
    for name, launcher in LAUNCHERS.items():
        if all(mark in environment for mark in launcher.marks):
            return Place(
                launcher=name,
                rank=int(environment[launcher.rank]),
                world_size=_first_number(environment, launcher.sizes),
                local_rank=_first_number(environment, (launcher.local_rank,)) or 0,
                local_size=_first_number(environment, launcher.local_sizes) or 1,
            )
    return Place(launcher="none", rank=0, world_size=1, local_rank=0, local_size=1)


def _first_number(environment: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    """The leading number of the first variable that is set: Slurm writes `4(x2)`."""
    for name in names:
        found = re.match(r"\d+", environment.get(name, ""))
        if found:
            return int(found.group())
    return None
