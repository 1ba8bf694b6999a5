"""Commands that have to do with a site and its batch system."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from nuweave.cli.options import ConfigFile
from nuweave.config import UserError, load
from nuweave.config.site import LOCAL, load_site

site_app = typer.Typer()

RANKS = "NUWEAVE_RANKS"  # how many were started: nuweave train takes it for train.ranks


@site_app.command(context_settings={"allow_extra_args": True, "allow_interspersed_args": False})
def launch(
    command: Annotated[list[str], typer.Argument(help="command of a rank, after --")],
    site: Annotated[str, typer.Option("--site", help="whose launcher; one of profiles/")] = LOCAL,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="nodes of the job")] = 1,
    ranks_per_node: Annotated[int, typer.Option("--ranks-per-node", min=1, help="ranks on each")] = 1,
    gpus_per_node: Annotated[int, typer.Option("--gpus-per-node", min=0, help="devices that those share")] = 0,
) -> None:
    """Start a command on every rank, by the launcher of the site: PALS, srun or mpiexec. It takes this one's place."""
    from nuweave.sites import find_program, launch_line

    settings = load_site(site)
    line = launch_line(
        settings,
        command,
        nodes=nodes,
        ranks_per_node=ranks_per_node,
        gpus_per_node=gpus_per_node,
        environment=os.environ,
    )
    program = find_program(settings, line[0], os.environ, Path(sys.executable))
    sys.stderr.write(f"nuweave: {shlex.join(line)}\n")
    sys.stderr.flush()
    os.environ[RANKS] = str(nodes * ranks_per_node)
    os.execv(program, line)


@site_app.command()
def stage(
    config: ConfigFile,
    names: Annotated[list[str] | None, typer.Argument(metavar="FILE_NAME...", help="files of the dataset")] = None,
    every: Annotated[bool, typer.Option("--all", help="every file of the dataset")] = False,
) -> None:
    """Put files of the published dataset into data_dir, by Globus; check what is there by size and checksum."""
    from nuweave.sites.stage import dataset_of, require_possible
    from nuweave.sites.stage import stage as stage

    settings = load(config)
    dataset, data_dir = dataset_of(settings)
    if every == bool(names):
        raise UserError("stage: name files of the dataset, or give --all")
    if every:
        require_possible(settings)  # names all that is missing, where one alone would be named
    for name in names or dataset.files:
        typer.echo(f"{data_dir / name}: {stage(settings, name)}")
