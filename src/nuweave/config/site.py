"""What a site's batch system offers: profiles/SITE/site.yaml. A user's own cluster is a copy of profiles/slurm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from nuweave.config.base import ConfigError, Section

PROFILES = Path("profiles")
LOCAL = "local"


class LimitConfig(Section):
    """Jobs that a queue takes; null: no limit that was compared with the site's pages, the scheduler itself decides."""

    min_nodes: int = Field(1, ge=1, description="fewest nodes")
    max_nodes: int | None = Field(None, ge=1, description="most nodes")
    max_minutes: int | None = Field(None, ge=1, description="longest walltime [min]")

    def takes(self, nodes: int, minutes: int) -> bool:
        """Whether such a job is let in."""
        most_nodes, most_minutes = self.max_nodes or nodes, self.max_minutes or minutes
        return self.min_nodes <= nodes <= most_nodes and minutes <= most_minutes


class NodeConfig(Section):
    """A node of the site."""

    cores: int = Field(ge=1, description="cores that ranks may be bound to")
    gpus: int = Field(0, ge=0, description="devices, as GPUs, or tiles where each is a device")
    ranks: int = Field(ge=1, description="ranks of a training that takes the whole node")


class StepConfig(Section):
    """What a kind of step asks for."""

    queue: str | None = Field(None, description="queue or quality of service; null: the scheduler's own choice")
    minutes: int = Field(ge=1, description="walltime [min]")
    nodes: int | None = Field(None, ge=1, description="nodes of a training; null: as few as train.ranks needs")
    cores: int | None = Field(None, ge=1, description="cores of a step on a shared node; null: as the site gives them")
    gpus: int = Field(0, ge=0, description="devices of a step on one node; a training has all of its nodes")
    memory_gb: int | None = Field(None, ge=1, description="memory; null: as the site gives it [GB]")
    constraint: str | None = Field(None, description="feature of the nodes (Slurm)")


class StepsConfig(Section):
    """The kinds of steps."""

    files: StepConfig = Field(description="one file to another: simulate, convert, archive")
    tables: StepConfig = Field(description="all files to tables and parts: catalog, split, pack, data_quality, shift")
    device: StepConfig = Field(description="one process with a device: overfit, evaluate")
    train: StepConfig = Field(description="a training on whole nodes")


class SiteConfig(Section):
    """A machine and its batch system."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="name of the site, and of its profile")
    checked: date = Field(description="when these figures were last compared with the site's own pages")
    source: str = Field(description="the pages that they are from")
    scheduler: Literal["none", "pbs", "slurm"] = Field(description="batch system")
    launcher: Literal["mpiexec", "pals", "srun"] = Field(description="what starts ranks; pals is mpiexec of HPE")
    login: str = Field("", description="where one logs in, for messages")
    hosts: tuple[str, ...] = Field((".*",), description="regular expressions: names of its login and compute nodes")
    account_required: bool = Field(True, description="whether a job without an account is refused")
    account: str | None = Field(None, description="allocation that jobs are charged to")
    filesystems: str | None = Field(None, description="file systems that a job needs (PBS)")
    select: str = Field("", description="attributes of each node asked for (PBS), as system=polaris")
    cpu_bind: str = Field("", description="binding of ranks: depth, cores, or list:... with one entry a rank of a node")
    retries: int = Field(0, ge=0, description="how often a training that left before its end is submitted again")
    node: NodeConfig = Field(description="a node")
    queue_is: Literal["queue", "qos", "slurm_partition"] = Field(
        "queue", description="Snakemake's name of the resource that holds the queue"
    )
    queues: dict[str, tuple[LimitConfig, ...]] = Field(
        {}, description="each queue with the jobs that it takes: a job outside is refused; none: nothing is checked"
    )
    steps: StepsConfig = Field(description="what each kind of step asks for")

    @model_validator(mode="after")
    def _queues_are_known(self) -> Self:
        steps = {name: step.queue for name, step in self.steps}
        for step, queue in steps.items():
            if queue is not None and self.queues and queue not in self.queues:
                raise ValueError(f"steps.{step}.queue={queue} is not among queues ({', '.join(self.queues)})")
        return self


def load_site(name: str, profiles: Path = PROFILES) -> SiteConfig:
    """Read profiles/NAME/site.yaml.

    Raises:
        ConfigError: there is no such site, or its file breaks a rule.
    """
    path = profiles / name / "site.yaml"
    try:
        raw: Any = yaml.safe_load(path.read_text())
    except OSError:
        known = ", ".join(sorted(found.parent.name for found in profiles.glob("*/site.yaml")))
        raise ConfigError(
            f"site {name}: {path} cannot be read; known here: {known or 'none, start in the root of the clone'}"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML ({' '.join(str(error).split())}); mend the syntax") from None
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{path}: must hold keys and values; start from profiles/slurm/site.yaml")
    try:
        return SiteConfig.model_validate(dict(raw))
    except ValidationError as error:
        faults = [
            f"{path}: {'.'.join(map(str, fault['loc'])) or 'site'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise ConfigError("\n".join(faults)) from None
