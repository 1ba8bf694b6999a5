"""Whether a directory takes files, locks them, and has room: tried there, by a process that may hang."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nuweave.sites.doctor.check import Answer, Check

LEAST_GB, FEW_GB = 1.0, 10.0  # a run needs at least, a demo with room to spare


def disk_command(directory: Path) -> list[str]:
    """The trial; it prints what trial.py finds."""
    return [sys.executable, "-m", "nuweave.sites.doctor.trial", str(directory)]


def nearest(directory: Path) -> Path:
    """The directory itself, or what it would be made in."""
    whole = directory.absolute()
    return next(place for place in (whole, *whole.parents) if place.is_dir())


def check_disk(name: str, directory: Path, answer: Answer, elsewhere: str) -> Check:
    """What the trial says.

    Args:
        elsewhere: how to choose another directory.
    """
    if answer.status != 0:
        return Check(name, "fail", f"{directory}: {answer.why}", f"ask the site, or {elsewhere}")
    trial = json.loads(answer.stdout)
    found = f"{directory}: {trial['free_gb']:.1f} GB free"
    if trial["write"]:
        return Check(name, "fail", f"{found}; cannot be written ({trial['write']})", f"free space, or {elsewhere}")
    if trial["flock"]:
        return Check(name, "fail", f"{found}; files cannot be locked ({trial['flock']})", elsewhere)
    if trial["hdf5"]:
        return Check(name, "fail", f"{found}; HDF5: {trial['hdf5']}", "export HDF5_USE_FILE_LOCKING=FALSE")
    if trial["free_gb"] < LEAST_GB:
        return Check(name, "fail", found, f"free space, or {elsewhere}")
    if trial["free_gb"] < FEW_GB:
        return Check(name, "warn", found, f"enough for a demo; else {elsewhere}")
    return Check(name, "ok", f"{found}, takes files and locks")
