"""Commands that Snakemake's executor cluster-generic calls on a machine with PBS Pro (profiles/polaris)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

pbs_app = typer.Typer(no_args_is_help=True, help="Submit jobs to PBS Pro and ask after them, for Snakemake.")


@pbs_app.command()
def submit(jobscript: Annotated[Path, typer.Argument(help="job script of Snakemake")]) -> None:
    """Submit a job script with what its rule asks for; print the id of the job alone."""
    from nuweave.config.site import load_site
    from nuweave.sites import SiteError
    from nuweave.sites.pbs import end_start, read_properties, site_of
    from nuweave.sites.pbs import submit as submit_job

    properties = read_properties(jobscript)
    site = load_site(site_of(properties))
    try:
        typer.echo(submit_job(properties, site, jobscript))
    except SiteError:
        end_start(os.environ)
        raise


@pbs_app.command()
def status(job_id: Annotated[str, typer.Argument(help="as submit printed it")]) -> None:
    """Print running, success or failed; a reason goes to stderr. Never fails: one failure would end the whole run."""
    from nuweave.sites.pbs import status as status_of

    found, reason = status_of(job_id)
    if reason:
        typer.echo(f"nuweave: {reason}", err=True)
    typer.echo(found)
