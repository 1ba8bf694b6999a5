"""One command a stage. Each rule of the workflow calls one of them; each can be run by hand.

Rooms are imported inside the commands, so that `nuweave --help` needs neither torch nor matplotlib.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from nuweave import __version__
from nuweave.bench.commands import bench_app
from nuweave.cli.data import data_app
from nuweave.cli.doctor import doctor_app
from nuweave.cli.networks import network_app
from nuweave.cli.pbs import pbs_app
from nuweave.cli.sites import site_app
from nuweave.config import Config, UserError, load

# threads that wait must sleep: spinning ones starve the other ranks of a small machine. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# a rank that leaves with an error says why: no stack of C++ from each that loses it. Read when torch is imported, too.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help=__doc__.split("\n")[0]
)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command("config")
def config_command(
    write: Annotated[
        bool, typer.Option("--write", help="write the generated files below the current directory")
    ] = False,
    check: Annotated[
        Path | None, typer.Option("--check", help="check a configuration or an overlay of config.yaml")
    ] = None,
) -> None:
    """Print the commented default configuration; write the generated files; or check a configuration."""
    from nuweave.config.document import commented_yaml, documents
    from nuweave.store import write_aside

    if check is not None:
        load(check)
        typer.echo(f"{check}: is right")
    elif write:
        for path, text in documents().items():
            with write_aside(path) as aside:
                aside.write_text(text)
            typer.echo(path)
    else:
        typer.echo(commented_yaml(Config()), nl=False)


app.add_typer(data_app)
app.add_typer(network_app)
app.add_typer(site_app)
app.add_typer(doctor_app)
app.add_typer(bench_app, name="bench")
app.add_typer(pbs_app, name="pbs")


def main() -> None:
    """Run the command line; a user's mistake ends in one line and its exit status; ranks see to theirs."""
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"nuweave: {error}\n")
        sys.exit(error.exit_status)
