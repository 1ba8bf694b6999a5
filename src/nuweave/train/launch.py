"""Who am I among the ranks: read from whatever launcher started this process."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nuweave.train.errors import TrainError


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


def launch_environment(place: Place) -> int:
    """Set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT for torch and DeepSpeed.

    Call it after the device was chosen: MPI binds to what it sees when it starts. An address or a port that is set
    already stays.

    Returns:
        the number of ranks.
    Raises:
        TrainError: the launcher does not say enough, or mpiexec and mpi4py belong to different MPIs.
    """
    world_size, master = place.world_size, None
    if place.launcher == "slurm":
        master = slurm_master(os.environ)
    elif place.launcher == "none":
        master = "127.0.0.1", free_port()
    elif LAUNCHERS[place.launcher].speaks_mpi:
        world_size, master = _agree_over_mpi(place)
    os.environ |= {"RANK": str(place.rank), "WORLD_SIZE": str(world_size), "LOCAL_RANK": str(place.local_rank)}
    if master is not None:
        os.environ.setdefault("MASTER_ADDR", master[0])
        os.environ.setdefault("MASTER_PORT", str(master[1]))
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if world_size is None or missing:
        raise TrainError(f"launcher {place.launcher}: {' and '.join(missing) or 'WORLD_SIZE'} is not set; set it too")
    return world_size


def slurm_master(environment: Mapping[str, str]) -> tuple[str, int]:
    """First host of the step, and a port that differs between steps and jobs."""
    hosts = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST") or "127.0.0.1"
    found = re.match(r"([^,\[]+)(?:\[(\w+)[^\]]*\]([^,]*))?", hosts)
    host = "".join(part or "" for part in found.groups()) if found else hosts
    job, step = (int(environment.get(name, "0")) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    return host, 15000 + (job * 31 + step) % 15000


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _agree_over_mpi(place: Place) -> tuple[int, tuple[str, int]]:
    """Number of ranks, and the host and a free port of rank 0, over real MPI."""
    if place.launcher == "openmpi":  # the wheel of mpi4py speaks several MPIs and would take the one beside python
        os.environ.setdefault("MPI4PY_MPIABI", "openmpi")
        os.environ.setdefault("MPI4PY_LIBMPI", "libmpi.so.40")
    try:
        from mpi4py import MPI  # it starts MPI
    except (ImportError, RuntimeError) as error:
        raise TrainError(
            f"launcher {place.launcher}: mpi4py cannot start ({error}); put the MPI of this mpiexec on "
            "LD_LIBRARY_PATH, or start with the mpiexec that stands beside python"
        ) from error

    world: Any = MPI.COMM_WORLD
    size = int(world.Get_size())
    if place.world_size not in (None, size):
        raise TrainError(
            f"mpiexec started {place.world_size} ranks but mpi4py sees {size}: they belong to different MPIs; "
            "start with the mpiexec that stands beside python"
        )
    host = "127.0.0.1" if place.local_size == size else socket.gethostname()
    address, port = world.bcast((host, free_port()) if place.rank == 0 else None, root=0)
    return size, (str(address), int(port))


def _first_number(environment: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    """The leading number of the first variable that is set: Slurm writes `4(x2)`."""
    for name in names:
        found = re.match(r"\d+", environment.get(name, ""))
        if found:
            return int(found.group())
    return None
