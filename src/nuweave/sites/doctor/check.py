"""What the doctor finds, and how it asks programs: each has a time limit, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

State = Literal["ok", "skip", "warn", "fail"]
GRACE_S = 2.0  # a killed process that waits for a dead file system is left to the system


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: skip where it cannot be looked at here, warn where a run may go on.
        found: in words, one line.
        remedy: what to do; empty where nothing is to be done.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


class Answer(NamedTuple):
    """What a program said.

    Attributes:
        status: of its exit; None if it did not start, or had to be killed.
        seconds: that it ran.
    """

    status: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def why(self) -> str:
        """One line on a failure: our own, else the last one."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        ours = [line.removeprefix("nuweave: ") for line in lines if line.startswith("nuweave: ")]
        return (ours or lines or [f"exit status {self.status}, no word"])[-1]


def ask(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Answer:
    """Run a program; kill it with all that it started when the time is over."""
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        return Answer(None, "", f"{command[0]} cannot be started ({error.strerror})", 0.0)
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except BaseException as error:  # Ctrl-C, too
        os.killpg(process.pid, signal.SIGKILL)
        _leave(process)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return Answer(None, "", f"no answer within {timeout_s:.0f} s", timeout_s)
    return Answer(process.returncode, stdout, stderr, time.monotonic() - start)


def _leave(process: subprocess.Popen[str]) -> None:
    try:
        process.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
