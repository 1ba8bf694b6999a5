"""Opening a file with one clear error, and writing one so that a half-written file never bears its final name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from nuweave.config import UserError


class StoreError(UserError):
    """A file that cannot be used; the message names the file, what is wrong and the remedy."""


def open_h5(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises:
        StoreError: the file is missing, empty, not HDF5, or truncated.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file; check the path")
    size = path.stat().st_size
    if size == 0:
        raise StoreError(f"{path}: is empty (0 bytes); write or copy it again")
    if not h5py.is_hdf5(path):
        raise StoreError(f"{path}: is not an HDF5 file; give an HDF5 file, or the adapter that reads this format")
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        reason = "is truncated" if "truncated" in str(error) else f"cannot be opened ({error})"
        raise StoreError(f"{path}: {reason}, {size} bytes found; write or copy it again") from None


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the final name only if the block ends without an error.

    Yields:
        the path to write to; removed if the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
