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
    if settings.scheduler != "none":  # Snakemake's: one for each rank of the training, while a node has few of them
        os.environ.pop("OMP_NUM_THREADS", None)
    os.execv(program, line)


@site_app.command()
def stage(
    config: ConfigFile,
    names: Annotated[list[str] | None, typer.Argument(metavar="FILE_NAME...", help="files of the dataset")] = None,
    every: Annotated[bool, typer.Option("--all", help="every file of the dataset")] = False,
) -> None:
    """Put files of the published dataset into data_dir, by Globus; check what is there by size and checksum."""
    from nuweave.sites.stage import dataset_of, require_possible
    from nuweave.sites.stage import stage as stage_file

    settings = load(config)
    dataset, data_dir = dataset_of(settings)
    if every == bool(names):
        raise UserError("stage: name files of the dataset, or give --all")
    if every:
        require_possible(settings)  # names all that is missing, where one alone would be named
    for name in names or dataset.files:
        typer.echo(f"{data_dir / name}: {stage_file(settings, name)}")


@site_app.command("submit-preview")
def submit_preview(
    rule: Annotated[str, typer.Argument(help="whose job, as train")],
    wildcards: Annotated[list[str] | None, typer.Argument(help="which of its jobs, as model=cosmic_tagger")] = None,
    profile: Annotated[str, typer.Option("--profile", help="of the site, as for snakemake")] = "polaris",
    configfile: Annotated[list[Path] | None, typer.Option("--configfile", help="as for snakemake")] = None,
    config: Annotated[list[str] | None, typer.Option("--config", help="KEY=VALUE, as for snakemake")] = None,
    set_resources: Annotated[list[str] | None, typer.Option("--set-resources", help="as for snakemake")] = None,
) -> None:
    """Print submission, job script, command and launch line of a job of a rule on a site; nothing is submitted."""
    from nuweave.sites.preview import preview

    given = {"--configfile": configfile, "--config": config, "--set-resources": set_resources}
    options = [part for name, values in given.items() if values for part in (name, *map(str, values))]
    if wrong := [one for one in wildcards or [] if "=" not in one]:
        raise UserError(f"{wrong[0]}: is no NAME=VALUE; name a job of {rule} as model=cosmic_tagger")
    found = preview(rule, dict(one.split("=", 1) for one in wildcards or []), profile, options)
    parts = {"submission": found.submit, "job script": found.script.rstrip(), "command": found.command}
    if found.launch:
        parts["ranks"] = found.launch
    for name, text in parts.items():
        typer.echo(f"# {name}\n{text}\n")
