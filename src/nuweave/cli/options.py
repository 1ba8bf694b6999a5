"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nuweave.config import UserError


def expand_lists(files: list[Path]) -> list[Path]:
    """The files of a command line, where @LIST stands for the files that LIST names, one a line.

    Raises:
        UserError: a list cannot be read.
    """
    expanded = []
    for file in files:
        if str(file).startswith("@"):
            expanded += _read_list(Path(str(file)[1:]))
        else:
            expanded.append(file)
    return expanded


def _read_list(path: Path) -> list[Path]:
    try:
        return [Path(line) for line in path.read_text().splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"is no list of files ({error})"
        raise UserError(f"{path}: {reason}; name one file a line") from None


ConfigFile = Annotated[Path, typer.Option("--config", help="resolved configuration of the run")]
Out = Annotated[Path, typer.Option("--out", help="file to write")]
Files = Annotated[
    list[Path], typer.Argument(callback=expand_lists, help="larcv3 files; @LIST for those named in a file, one a line")
]
