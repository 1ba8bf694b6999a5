"""What one tells a batch system: takes precedence over the site's own values (profiles/SITE/site.yaml)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import Field, ValidationError

from nuweave.config.base import ConfigError, Section

VARIABLES = {  # of the environment; the configuration takes precedence
    "account": "NUWEAVE_ACCOUNT",
    "queue": "NUWEAVE_QUEUE",
    "nodes": "NUWEAVE_NODES",
    "minutes": "NUWEAVE_MINUTES",
    "filesystems": "NUWEAVE_FILESYSTEMS",
}


class ClusterConfig(Section):
    """Jobs of a batch system. What is null comes from the environment, then from the site. No result depends on it."""

    account: str | None = Field(None, description="allocation that jobs are charged to; environment: NUWEAVE_ACCOUNT")
    queue: str | None = Field(
        None, description="queue or quality of service of the trainings; environment: NUWEAVE_QUEUE"
    )
    nodes: int | None = Field(
        None,
        ge=1,
        description="nodes of a training, all devices of each; else train.ranks counts; environment: NUWEAVE_NODES",
    )
    minutes: int | None = Field(
        None, ge=1, description="walltime of a start of a training [min]; environment: NUWEAVE_MINUTES"
    )
    filesystems: str | None = Field(
        None, description="file systems that jobs need, as home:eagle (PBS); environment: NUWEAVE_FILESYSTEMS"
    )

    def or_environment(self, environment: Mapping[str, str] = os.environ) -> ClusterConfig:
        """The same, with what is null taken from the environment.

        Raises:
            ConfigError: a variable does not hold such a value.
        """
        given = {key: environment[name] for key, name in VARIABLES.items() if environment.get(name)}
        try:
            return ClusterConfig.model_validate({**given, **self.model_dump(exclude_none=True)})
        except ValidationError as error:
            faults = [(VARIABLES[str(fault["loc"][0])], fault) for fault in error.errors()]
            raise ConfigError(
                "\n".join(f"{name}={fault['input']}: {fault['msg']}; mend or unset it" for name, fault in faults)
            ) from None
