"""The doctor's trial of a directory: `python -m nuweave.sites.doctor.trial DIRECTORY`. Nothing is left there."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py

NUM_BYTES = 4 << 20


def try_directory(directory: Path) -> dict[str, float | str]:
    """What a file there meets: free space [GB], and for writing, flock and HDF5 what went wrong, or nothing."""
    found: dict[str, float | str] = {
        "free_gb": shutil.disk_usage(directory).free / 1e9,
        "write": "",
        "flock": "",
        "hdf5": "",
    }
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".nuweave-doctor-") as place:
            file = Path(place) / "trial"
            _write(file)
            found["flock"] = _reason(_lock, file)
            found["hdf5"] = _reason(_write_hdf5, Path(place) / "trial.h5")
    except OSError as error:
        found["write"] = os.strerror(error.errno or 0)
    return found


def _reason(trial: Callable[[Path], None], file: Path) -> str:
    try:
        trial(file)
    except OSError as error:
        return os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    return ""


def _write(file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(os.urandom(NUM_BYTES))
        opened.flush()
        os.fsync(opened.fileno())


def _lock(file: Path) -> None:
    """A second lock must be refused.

    Raises:
        OSError: there are no locks, or they do not hold.
    """
    with file.open("rb") as first, file.open("rb") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise OSError("a second lock was granted")


def _write_hdf5(file: Path) -> None:
    with h5py.File(file, "w") as opened:
        opened["trial"] = [1.0]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(try_directory(Path(sys.argv[1]))))
