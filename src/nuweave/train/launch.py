"""What torch and DeepSpeed must find in the environment, whatever launcher started this process."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping

from nuweave.ranks import LAUNCHERS, Place, start_mpi
from nuweave.train.errors import TrainError


def launch_environment(place: Place) -> int:
    """Set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT for torch and DeepSpeed.

    Call it after the device was chosen: MPI binds to what it sees when it starts. An address or a port that is set
    already stays.

    Returns:
        the number of ranks.
    Raises:
        TrainError: the launcher does not say enough.
        RanksError: mpiexec and mpi4py belong to different MPIs.
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
    world = start_mpi(place)
    size = int(world.Get_size())
    host = "127.0.0.1" if place.local_size == size else socket.gethostname()
    address, port = world.bcast((host, free_port()) if place.rank == 0 else None, root=0)
    return size, (str(address), int(port))
