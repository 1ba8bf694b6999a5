"""The one place that composes how ranks are started: PALS on PBS, srun in a Slurm job, mpiexec on one machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuweave.config.site import SiteConfig
from nuweave.sites.errors import SiteError

LIST = "list:"


def launch_line(
    site: SiteConfig,
    command: Sequence[str],
    *,
    nodes: int,
    ranks_per_node: int,
    gpus_per_node: int,
    environment: Mapping[str, str],
) -> list[str]:
    """The command that starts one on every rank.

    Args:
        command: of a rank.
        gpus_per_node: devices that the ranks of a node share.
        environment: of this process; PBS names the file with its nodes there.
    Returns:
        program and arguments.
    Raises:
        SiteError: not inside a job, where the launcher needs one.
    """
    ranks, cores = nodes * ranks_per_node, max(1, site.node.cores // ranks_per_node)
    if site.launcher == "mpiexec":
        return ["mpiexec", "-n", str(ranks), *command]
    if site.launcher == "srun":
        return _srun(site, ranks, nodes, cores, gpus_per_node, command)
    hosts = environment.get("PBS_NODEFILE")
    if hosts is None:
        raise SiteError(
            f"{site.name}: mpiexec needs the nodes of a job, and PBS_NODEFILE is not set here; "
            "submit the step (snakemake --profile ...), or start an interactive job with qsub -I"
        )
    return [
        *("mpiexec", "-n", str(ranks), "--ppn", str(ranks_per_node)),
        *_binding(site.cpu_bind, ranks_per_node, cores),
        *("--envall", "--hostfile", hosts),
        *command,
    ]


def find_program(site: SiteConfig, name: str, environment: Mapping[str, str], python: Path) -> str:
    """Where the launcher is: PALS has to be that of the site, and beside Python lies the mpiexec of one machine.

    Args:
        environment: PATH.
        python: the program that runs this.

    Raises:
        SiteError: it is nowhere.
    """
    places = environment.get("PATH", "").split(os.pathsep)
    if site.launcher == "pals":
        places = [place for place in places if Path(place).resolve() != python.parent.resolve()]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise SiteError(f"{site.name}: {name} is not on PATH; load the modules that bring it in envs/{site.name}.sh")
    return found


def _srun(
    site: SiteConfig, ranks: int, nodes: int, cores: int, gpus_per_node: int, command: Sequence[str]
) -> list[str]:
    """Everything is said: the job step inherits nothing, as Snakemake takes Slurm's variables away."""
    if ranks == 1:
        return list(command)  # the executor has started it with srun
    return [
        *("srun", f"--nodes={nodes}", f"--ntasks={ranks}", f"--ntasks-per-node={ranks // nodes}"),
        f"--cpus-per-task={cores}",
        *([f"--gpus-per-node={gpus_per_node}"] if gpus_per_node else []),
        *([f"--cpu-bind={site.cpu_bind}"] if site.cpu_bind else []),
        "--kill-on-bad-exit=1",
        *command,
    ]


def _binding(cpu_bind: str, ranks_per_node: int, cores: int) -> list[str]:
    """As `--depth=8 --cpu-bind depth`; a list has one entry a rank, and more ranks than entries share by depth."""
    if cpu_bind.startswith(LIST):
        entries = cpu_bind.removeprefix(LIST).split(":")
        if ranks_per_node <= len(entries):
            return [f"--cpu-bind={LIST}{':'.join(entries[:ranks_per_node])}"]
        cpu_bind = "depth"
    return [f"--depth={cores}", f"--cpu-bind={cpu_bind}"] if cpu_bind else []
