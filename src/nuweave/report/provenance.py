"""Where the numbers come from: code, packages, machine."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from nuweave import __version__

PACKAGES = (
    *("numpy", "pandas", "h5py", "torch", "deepspeed", "safetensors", "scikit-learn", "snakemake"),
    *("matplotlib", "mplhep", "jinja2", "pydantic", "mpi4py"),
)


@dataclass(frozen=True)
class Provenance:
    """What made the page.

    Attributes:
        version: of nuweave.
        commit: of the checkout that the code runs from; None for an installed package.
        dirty: whether that checkout had changes; None without one.
        versions: package -> version, of those that are installed.
        python: version of the interpreter.
        host: name of the machine.
        system: operating system and processor.
        written: time of writing, UTC.
    """

    version: str
    commit: str | None
    dirty: bool | None
    versions: dict[str, str]
    python: str
    host: str
    system: str
    written: str


def collect() -> Provenance:
    """Look at the code, the packages and the machine that this runs on."""
    commit, dirty = commit_of(Path(__file__).resolve().parent)
    return Provenance(
        version=__version__,
        commit=commit,
        dirty=dirty,
        versions={name: version for name in PACKAGES if (version := _version(name)) is not None},
        python=platform.python_version(),
        host=platform.node(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def commit_of(directory: Path) -> tuple[str | None, bool | None]:
    """The commit of the checkout that holds a directory, and whether tracked files differ from it; None without one."""
    commit = _git(directory, "rev-parse", "HEAD")
    status = _git(directory, "status", "--porcelain", "--untracked-files=no")
    return commit, None if status is None else bool(status)


def _git(directory: Path, *arguments: str) -> str | None:
    """The answer of git; None where there is no git or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
