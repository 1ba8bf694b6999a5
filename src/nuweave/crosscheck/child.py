"""Run program.py with the python of larcv's own environment, within a time limit."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from nuweave.config import UserError
from nuweave.crosscheck.content import Content

PROGRAM = Path(__file__).with_name("program.py")
PYTHON = ".venv-larcv/bin/python"
LIMIT_S = 120.0  # larcv hangs on some damaged files
LIMIT_S_PER_MB = 10.0  # it reads some 30 MB/s where events are large, a hundredth of it where they are tiny


class LarcvFault(Exception):
    """larcv could not do its part.

    Attributes:
        product: what it had in hand, if anything.
        event: position in the file.
        what: how it ended.
    """

    def __init__(self, product: str | None, event: int | None, what: str) -> None:
        super().__init__(what)
        self.product, self.event, self.what = product, event, what


def larcv_reads(path: Path) -> Content:
    """What larcv finds in a file.

    Raises:
        UserError: there is no environment with larcv.
        LarcvFault: it crashes, hangs or raises.
    """
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory, "read.npz")
        _run("read", path, out)
        with np.load(out) as stored:
            return dict(stored)


def larcv_writes(content: Content, out: Path) -> None:
    """Let larcv write a content to a file; errors as `larcv_reads`."""
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "write.npz")
        np.savez(source, allow_pickle=False, **content)
        _run("write", source, out)


def larcv_python() -> str:
    """The python that has larcv."""
    python = os.environ.get("NUWEAVE_LARCV_PYTHON", PYTHON)
    if not Path(python).exists():
        raise UserError(f"{python}: is not there, so larcv cannot be asked; run `make larcv` (5 minutes)")
    return python


def _run(command: str, source: Path, out: Path) -> None:
    limit_s = LIMIT_S + LIMIT_S_PER_MB * source.stat().st_size / 1e6
    arguments = [larcv_python(), "-I", str(PROGRAM), command, str(source), str(out)]
    status: int | None
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            status = subprocess.run(
                arguments, stdout=subprocess.DEVNULL, stderr=said, timeout=limit_s, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        said.seek(0)
        lines = [line for line in said.read().split("\n") if line.strip()]
    if status != 0:
        places = [found for line in lines if (found := re.fullmatch(r"(\S+) (\d+)", line))]
        product, event = (places[-1][1], int(places[-1][2])) if places else (None, None)
        raise LarcvFault(product, event, _ending(status, lines))


def _ending(status: int | None, lines: list[str]) -> str:
    """How larcv ended, from its exit status (None: it was stopped) and what it said."""
    if status is None:
        return "larcv gives no answer in time"
    if status < 0:
        return f"larcv dies of {signal.Signals(-status).name}"
    return f"larcv stops: {lines[-1] if lines else 'without a word'}"
