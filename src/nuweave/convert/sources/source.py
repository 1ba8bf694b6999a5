"""What an adapter must offer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import h5py

from nuweave.convert.event import Event, Provides
from nuweave.store import StoreError


class Source(Protocol):
    """A file of simulated events, opened by its adapter.

    Attributes:
        provides: the truth that this file knows.
        generator: name of the program that made the events, where the file states it.
        generator_seed: its seed, where the file states it.
    """

    provides: Provides
    generator: str | None
    generator_seed: str | None

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        """Open a file.

        Args:
            path: the file, or the first of files that belong together.
            volume: the sensitive detector (drift volume) to read; None where the file has only one.
        Raises:
            StoreError: the file cannot be used, or holds several volumes and none was chosen: the message names them.
        """
        ...

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file looks like this adapter's format; False for any other kind of file. The events are not read.

        Raises:
            StoreError: there is no such file.
        """
        ...

    def __len__(self) -> int: ...

    def event(self, entry: int) -> Event:
        """The event at a position in the file, in the file's own frame (cm, us, MeV).

        Raises:
            StoreError: this event cannot be read.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, for `probe`.

    Raises:
        StoreError: there is no such file.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file; check the path")
    return bool(h5py.is_hdf5(path))


def require_no_volume(path: Path, volume: str | None) -> None:
    """Refuse a choice that the format does not have.

    Raises:
        StoreError: a volume was chosen.
    """
    if volume is not None:
        raise StoreError(f"{path}: its format has no volumes to choose from; remove convert.volume={volume}")
