"""Opening a file with one clear error, and writing one so that a half-written file never bears its final name."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py

from nuweave.config import UserError

AGAIN = "the file is damaged or half written: write or copy it again"
# whatever HDF5 and h5py may raise over a damaged file
UNREADABLE = (OSError, RuntimeError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError, MemoryError)


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class StoreError(UserError):
    """A file that cannot be used; the message names the file, what is wrong and the remedy."""


class DiskError(StoreError, OSError):
    """A file that the disk does not take: it is full, or may not be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.strerror = os.strerror(error.errno or 0)
        message = f"{path}: cannot be written ({self.strerror}); free space or choose another place, and start again"
        super().__init__(message)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file, and what to do about it."""

    path: Path
    what: str
    remedy: str
    product: str | None = None
    event: int | None = None

    def __str__(self) -> str:
        place = "" if self.product is None else f"{self.product}"
        place += "" if self.event is None else f"{', ' if place else ''}event {self.event}"
        return f"{self.path}: {place}{': ' if place else ''}{self.what}; {self.remedy}"


class DamagedEventError(StoreError):
    """One event of a file cannot be read, or would be read wrong; the others may be whole.

    Attributes:
        fault: file, product, event, what and remedy.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class FileState(NamedTuple):
    """What tells a file from one that was changed or put in its place."""

    size: int
    mtime_ns: int
    inode: int


def file_state(path: Path) -> FileState:
    """The state of a file now.

    Raises:
        StoreError: it is not there.
    """
    try:
        found = os.stat(path)
    except OSError:
        raise StoreError(f"{path}: no such file; check the path") from None
    return FileState(found.st_size, found.st_mtime_ns, found.st_ino)


def open_h5(path: Path, *, cache_bytes: int | None = None) -> h5py.File:
    """Open an HDF5 file for reading.

    Args:
        path: the file.
        cache_bytes: room for inflated chunks of each dataset; HDF5's own choice (1 MiB) where None.
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
        return h5py.File(path, "r", locking=False, rdcc_nbytes=cache_bytes)
    except UNREADABLE as error:
        reason = "is truncated" if "truncated" in str(error) else f"cannot be opened ({one_line(error)})"
        raise StoreError(f"{path}: {reason}, {size} bytes found; write or copy it again") from None


def one_line(error: Exception) -> str:
    """What an error says, fit for a message of one line."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the final name only if the block ends without an error.

    Yields:
        the path to write to, an empty file; removed if the block raises.
    Raises:
        DiskError: the disk is full, or nothing may be written there.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()
    except OSError as error:
        raise DiskError(path, error) from None
    try:
        yield aside
        os.replace(aside, path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskError(path, error) from None
    finally:
        aside.unlink(missing_ok=True)
