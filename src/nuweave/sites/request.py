"""What a step asks a batch system for: planned from the site and the settings, told as Snakemake's resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nuweave.config.cluster import ClusterConfig
from nuweave.config.site import SiteConfig, StepConfig
from nuweave.config.train import TrainConfig

Step = Literal["files", "tables", "device", "train"]
Resource = str | int | None
ACCOUNT = {"pbs": "account", "slurm": "slurm_account", "none": "account"}  # what the executors call it


@dataclass(frozen=True)
class Request:
    """A job.

    Attributes:
        nodes: of a training; 1 for any other step.
        ranks_per_node: of a training; 1 for any other step.
        gpus_per_node: devices.
        minutes: walltime.
        queue: or quality of service, or partition; None leaves it to the scheduler.
        filesystems: that it needs (PBS).
    """

    nodes: int
    ranks_per_node: int
    gpus_per_node: int
    minutes: int
    account: str | None = None
    queue: str | None = None
    filesystems: str | None = None

    @property
    def ranks(self) -> int:
        """Of all nodes."""
        return self.nodes * self.ranks_per_node


def plan(site: SiteConfig, step: Step, cluster: ClusterConfig, train: TrainConfig | None = None) -> Request:
    """What a step asks for.

    Args:
        cluster: takes precedence over the site.
        train: settings of the training; only for the step `train`.
    """
    own: StepConfig = getattr(site.steps, step)
    account, filesystems = cluster.account or site.account, cluster.filesystems or site.filesystems
    if train is None:
        return Request(1, 1, own.gpus, own.minutes, account, own.queue, filesystems)
    nodes, ranks_per_node = place_ranks(site, cluster.nodes or own.nodes, train)
    return Request(
        nodes=nodes,
        ranks_per_node=ranks_per_node,
        gpus_per_node=min(site.node.gpus, -(-ranks_per_node // train.ranks_per_device)),
        minutes=cluster.minutes or own.minutes,
        account=account,
        queue=cluster.queue or own.queue,
        filesystems=filesystems,
    )


def place_ranks(site: SiteConfig, nodes: int | None, train: TrainConfig) -> tuple[int, int]:
    """Nodes, and ranks on each: all devices of the nodes that are given, else train.ranks on as few as hold them."""
    per_node = site.node.ranks * train.ranks_per_device
    if nodes is not None:
        return nodes, per_node
    fewest = next(n for n in range(1, train.ranks + 1) if train.ranks % n == 0 and train.ranks <= n * per_node)
    return fewest, train.ranks // fewest


def to_resources(site: SiteConfig, step: Step, request: Request) -> dict[str, Resource]:
    """The request as Snakemake and its executors know it; what is None is left out by Snakemake."""
    told: dict[str, Resource] = {"site": site.name}
    if site.scheduler != "none":
        told |= {
            ACCOUNT[site.scheduler]: request.account,
            site.queue_is: request.queue,
            "runtime": request.minutes,
        }
    if step == "train":
        # trainings: of a profile where a queue takes few jobs of one user
        told |= {"nodes": request.nodes, "ranks_per_node": request.ranks_per_node, "trainings": 1}
    if step in ("train", "device"):
        told["gpus_per_node"] = request.gpus_per_node
    if site.scheduler == "pbs":
        told["filesystems"] = request.filesystems
    if site.scheduler == "slurm":
        told |= _for_slurm(site, step, request)
    return told


def from_resources(site: SiteConfig, resources: Mapping[str, Resource]) -> Request:
    """The request that resources tell, with what the user changed on the command line."""
    return Request(
        nodes=_whole(resources, "nodes", 1),
        ranks_per_node=_whole(resources, "ranks_per_node", 1),
        gpus_per_node=_whole(resources, "gpus_per_node", 0),
        minutes=_whole(resources, "runtime", 0),
        account=_text(resources, ACCOUNT[site.scheduler]),
        queue=_text(resources, site.queue_is),
        filesystems=_text(resources, "filesystems"),
    )


def _for_slurm(site: SiteConfig, step: Step, request: Request) -> dict[str, Resource]:
    """What the Slurm executor wants beside. A rule with `mpi` starts its ranks itself, and needs two at least."""
    own: StepConfig = getattr(site.steps, step)
    cores = site.node.cores // request.ranks_per_node if step == "train" else own.cores
    has_ranks = request.ranks_per_node > 1
    return {
        "constraint": own.constraint,
        "cpus_per_task": cores,
        "mem_mb": 1000 * (own.memory_gb or 0),  # 0: not said; Snakemake would say 1000
        "slurm_extra": f"--gpus-per-node={request.gpus_per_node}" if request.gpus_per_node else None,
        "mpi": "srun" if has_ranks else None,
        "tasks_per_node": request.ranks_per_node if has_ranks else None,
    }


def _whole(resources: Mapping[str, Resource], name: str, otherwise: int) -> int:
    value = resources.get(name)
    return otherwise if value is None else int(value)


def _text(resources: Mapping[str, Resource], name: str) -> str | None:
    value = resources.get(name)
    return None if value in (None, "") else str(value)
