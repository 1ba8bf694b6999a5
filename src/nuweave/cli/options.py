"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Option("--config", help="resolved configuration of the run")]
Out = Annotated[Path, typer.Option("--out", help="file to write")]
