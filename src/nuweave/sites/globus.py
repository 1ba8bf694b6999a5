"""Transfers by the command line client of Globus: `globus transfer` submits, the service does the work, we wait.

Source: globus-cli 3.44, its commands whoami, transfer, task wait and task cancel.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from uuid import UUID

from nuweave.sites.errors import SiteError

VARIABLE = "NUWEAVE_GLOBUS_ENDPOINT"
POLL_S = 10


class Here(NamedTuple):
    """The Globus collection of this machine.

    Attributes:
        endpoint: its UUID.
        top: the local directory that it shows as `/`.
    """

    endpoint: str
    top: Path

    def path_of(self, path: Path) -> PurePosixPath:
        """What the collection calls a local file.

        Raises:
            SiteError: the collection does not show it.
        """
        whole = path.resolve()
        if not whole.is_relative_to(self.top):
            raise SiteError(f"{whole}: is not below {self.top}, which {VARIABLE} names; set data_dir below it")
        return PurePosixPath("/") / whole.relative_to(self.top)


def here(environment: Mapping[str, str]) -> Here:
    """The collection of this machine, from NUWEAVE_GLOBUS_ENDPOINT=UUID or UUID:DIRECTORY.

    Raises:
        SiteError: the variable is not set, or is neither.
    """
    value = environment.get(VARIABLE, "")
    if not value:
        raise SiteError(f"{VARIABLE} is not set; give it the UUID of the Globus collection of this machine")
    endpoint, _, top = value.partition(":")
    try:
        UUID(endpoint)
    except ValueError:
        raise SiteError(
            f"{VARIABLE}={value}: must be UUID or UUID:/DIRECTORY (what the collection shows as /)"
        ) from None
    return Here(endpoint, Path(top or "/").resolve())


def require_login() -> None:
    """Make sure that transfers can be asked for.

    Raises:
        SiteError: there is no client, or nobody is logged in.
    """
    if shutil.which("globus") is None:
        raise SiteError("the program globus is not found; install globus-cli")
    _globus("whoami")


def transfer(source: str, destination: str, label: str) -> None:
    """Copy a file, and wait for the end. When interrupted, the transfer is cancelled.

    Args:
        source: UUID:PATH.
        destination: likewise.
        label: what the list of transfers shows.
    Raises:
        SiteError: it could not be asked for, or failed.
    """
    arguments = ("--label", label, "--fail-on-quota-errors", "--format", "json")
    task = json.loads(_globus("transfer", source, destination, *arguments))["task_id"]
    sys.stderr.write(f"{label}: transfer {task}; globus task show {task} tells how far it is\n")
    try:
        _globus("task", "wait", task, "--polling-interval", str(POLL_S), "--format", "json")
    except KeyboardInterrupt:
        subprocess.run(["globus", "task", "cancel", task], capture_output=True, check=False)
        raise


def _globus(*arguments: str) -> str:
    """What the client prints.

    Raises:
        SiteError: it failed; the reason is that of the task, if there is one, else what it wrote.
    """
    try:
        done = subprocess.run(["globus", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise SiteError(f"globus cannot be started ({error.strerror}); install globus-cli again") from None
    if done.returncode != 0:
        verb = " ".join(arguments[:2]) if arguments[0] == "task" else arguments[0]
        raise SiteError(f"globus {verb} failed ({_reason(done.stdout, done.stderr)})")
    return done.stdout


def _reason(stdout: str, stderr: str) -> str:
    """Why a command failed: status and reason of a task in JSON, else what stands in stderr, in one line."""
    try:
        task = json.loads(stdout)
        return f"{task['status']}: {task['fatal_error']['description']}"
    except (ValueError, LookupError, TypeError):
        return " ".join(stderr.split()) or "no reason given"
