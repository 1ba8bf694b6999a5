"""The command that looks at a machine before a run does."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from nuweave.config.site import load_site

doctor_app = typer.Typer()

COLOURS = {"ok": "green", "skip": "blue", "warn": "yellow", "fail": "red"}


@doctor_app.command()
def doctor(
    site: Annotated[str | None, typer.Option("--site", help="one of profiles/; else that of this machine")] = None,
    results: Annotated[Path, typer.Option("--results", help="where runs are written")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print a list of checks in JSON")] = False,
) -> None:
    """Look whether all is here that a run on this site needs, and say what to mend; exit status 1 if it would fail."""
    from nuweave.config.cluster import ClusterConfig
    from nuweave.sites.doctor import Patient, examine, find_site

    host = socket.gethostname()
    settings = find_site(host, os.environ) if site is None else load_site(site)
    cluster = ClusterConfig().or_environment()
    checks = []
    for check in examine(Patient(settings, cluster, results, Path.cwd(), host)):
        checks.append(check)
        if not as_json:
            typer.secho(f"{check.state:5}", fg=COLOURS[check.state], nl=False)
            typer.echo(f"{check.name:10} {check.found}{f'; {check.remedy}' if check.remedy else ''}")
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=1))
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)
