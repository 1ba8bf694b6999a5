"""What an adapter must offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nuweave.convert.event import Event, Provides, Vertex
from nuweave.store import StoreError, open_h5
from nuweave.store.files import one_line

SAME_PLACE_CM = 0.01


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


def is_root(path: Path) -> bool:
    """Whether a file is ROOT, for `probe`.

    Raises:
        StoreError: there is no such file.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no such file; check the path")
    with path.open("rb") as file:
        return file.read(4) == b"root"


def require_no_volume(path: Path, volume: str | None) -> None:
    """Refuse a choice that the format does not have.

    Raises:
        StoreError: a volume was chosen.
    """
    if volume is not None:
        raise StoreError(f"{path}: its format has no volumes to choose from; remove convert.volume={volume}")


def has_parts(path: Path, names: Sequence[str]) -> bool:
    """Whether a file is HDF5 and has all of some groups and tables, for `probe`.

    Raises:
        StoreError: there is no such file, or it is damaged.
    """
    if not is_hdf5(path):
        return False
    with open_h5(path) as file, reading(path, "the list of its tables"):
        return all(name in file for name in names)


def require_parts(path: Path, file: h5py.File, names: Sequence[str]) -> None:
    """Refuse an HDF5 file without some of its groups or tables.

    Raises:
        StoreError: some are missing; the message names them.
    """
    with reading(path, "the list of its tables"):
        missing = [name for name in names if name not in file]
    if missing:
        raise StoreError(
            f"{path}: has no {', '.join(missing)}; set convert.adapter to the file's format, or write the file again"
        )


@contextmanager
def open_parts(path: Path, names: Sequence[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file that must have some groups and tables; it stays open, unless the block raises.

    Raises:
        StoreError: it cannot be opened, or some are missing.
    """
    file = open_h5(path)
    try:
        require_parts(path, file, names)
        yield file
    except BaseException:
        file.close()
        raise


def choose_volume(path: Path, names: Sequence[str], volume: str | None) -> str:
    """The volume to read: the one that was chosen, or the only one.

    Raises:
        StoreError: there are several and none was chosen, or there is none of that name; the message names them.
    """
    if volume in names or (volume is None and len(names) == 1):
        return volume or names[0]
    listed = ", ".join(names) or "nothing"
    if volume is None:
        raise StoreError(f"{path}: has {len(names)} volumes, {listed}; set convert.volume to one of them")
    raise StoreError(f"{path}: has no volume {volume}, found {listed}; set convert.volume to one that is there")


def event_numbers(stored: ArrayLike) -> NDArray[np.int64]:
    """int64[E]: the numbers that a file gives its events; their positions where a number comes twice."""
    numbers = np.asarray(stored, np.int64)
    return numbers if len(np.unique(numbers)) == len(numbers) else np.arange(len(numbers))


def common_vertex(place_cm_N3: NDArray[Any], time_us_N: NDArray[Any]) -> Vertex | None:
    """The vertex of primary particles that start at one place; None where they do not, or there are none."""
    if len(place_cm_N3) == 0 or np.abs(place_cm_N3 - place_cm_N3[0]).max() > SAME_PLACE_CM:
        return None
    return Vertex(place_cm_N3[0].astype(np.float64), float(time_us_N[0]))


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a library raises over a part of a file into one clear error.

    Raises:
        StoreError: `what` cannot be read.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # libraries raise as they please over a damaged file
        raise StoreError(
            f"{path}: {what} cannot be read ({one_line(error)}); write or copy the file again, or check its format"
        ) from None
