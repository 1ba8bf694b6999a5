"""What a step asks a batch system for: planned from the site and the settings, told as Snakemake's resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nuweave.config.cluster import ClusterConfig
from nuweave.config.site import SiteConfig
from nuweave.config.train import TrainConfig

Step = Literal["files", "tables", "device", "train"]
Resource = str | int | None
QUEUE = {"pbs": "queue", "slurm": "qos", "none": "queue"}  # how the executor of Snakemake calls it
ACCOUNT = {"pbs": "account", "slurm": "slurm_account", "none": "account"}


@dataclass(frozen=True)
class Request:
    """A job.

    Attributes:
        nodes: whole nodes of a training; 1 for any other step.
        ranks_per_node: of a training; 1 for any other step.
        gpus_per_node: devices.
        minutes: walltime.
        queue: or quality of service; None leaves it to the scheduler.
        filesystems: joined by colons (PBS).
    """

    nodes: int
    ranks_per_node: int
    gpus_per_node: int
    minutes: int
    account: str | None = None
    queue: str | None = None
    filesystems: str | None = None
