"""Copies of files on a node's own disk, made once a node and checked before they are read."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from nuweave.loader.errors import LoaderError
from nuweave.store import file_state, sums_path, write_aside

SPARE_BYTES = 2**26  # left free on the local disk


def staged_path(path: Path, directory: Path) -> Path:
    """Where the copy of a file goes: a name of its own for each state of the original."""
    state = file_state(path)
    key = hashlib.sha256(f"{path.resolve()} {state.size} {state.mtime_ns}".encode()).hexdigest()[:12]
    return directory / f"{key}-{path.name}"


def stage(path: Path, directory: Path) -> Path:
    """Copy a file and its checksums to a local directory; one process a node calls it, the others wait for it.

    A whole copy that is there already is used again. The copy is as large as the original and, where that has
    checksums, is verified by them as it is read.

    Args:
        path: the file.
        directory: on a local disk; made if need be.
    Returns:
        the copy.
    Raises:
        LoaderError: there is no room, or the copy came out different.
    """
    copy = staged_path(path, directory)
    size = file_state(path).size
    if copy.is_file() and file_state(copy).size == size:
        return copy
    directory.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(directory).free
    if free < size + SPARE_BYTES:
        raise LoaderError(
            f"loader.stage_dir={directory}: {free} bytes are free, {path} needs {size + SPARE_BYTES}; "
            "make room, or leave loader.stage_dir unset"
        )
    if sums_path(path).is_file():
        with write_aside(sums_path(copy)) as aside:
            shutil.copyfile(sums_path(path), aside)
    with write_aside(copy) as aside:
        shutil.copyfile(path, aside)
        if _sha256(aside) != _sha256(path):
            raise LoaderError(f"{copy}: differs from {path}; check the local disk, or leave loader.stage_dir unset")
    return copy


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
