"""NEXT's simulation (nexus), as nexus itself or IC (irene) writes it: hits and particles of /MC.

Source: old layout checked on a real file, the newer one (nexus 6) from its description only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Deposits, Event, Provides, Vertex
from nuweave.convert.sources.edepsim_h5 import POINT_DEPOSIT_CM
from nuweave.convert.sources.source import (
    choose_volume,
    common_vertex,
    event_numbers,
    has_parts,
    open_parts,
    reading,
)

CM_PER_MM = 0.1
US_PER_NS = 0.001
TABLES = ("MC/hits", "MC/particles")


class Names(NamedTuple):
    """What a layout calls its columns."""

    place: tuple[str, ...]
    time: str
    energy: str
    particle: str
    start: tuple[str, ...]


OLD = Names(("hit_position",), "hit_time", "hit_energy", "particle_indx", ("initial_vertex",))
NEW = Names(("x", "y", "z"), "time", "energy", "particle_id", ("initial_x", "initial_y", "initial_z", "initial_t"))


class NexusH5:
    """Hits of one volume as deposits without a length; every deposit is of electrons, so there is no semantic label."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        self._path = path
        with open_parts(path, TABLES) as self._file:
            with reading(path, "the list of events or volumes"):
                self._hits, self._particles = (self._file[name] for name in TABLES)
                is_old = "MC/extents" in self._file
                self._names = OLD if is_old else NEW
                self._numbers, self._spans = read_extents(self._file) if is_old else find_spans(self._file)
                volumes = read_volumes(self._hits)
            self._volume = choose_volume(path, volumes, volume).encode()
        self.provides = Provides(site_labels=False, semantics=False, vertex=True, particles=False, mode=False)
        self.generator: str | None = "nexus"
        self.generator_seed: str | None = None

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has nexus' tables."""
        return has_parts(path, TABLES)

    def __len__(self) -> int:
        return len(self._numbers)

    def event(self, entry: int) -> Event:
        """Deposits in the volume, and where the primary particles start, if that is one place."""
        with reading(self._path, f"entry {entry}"):
            (first_hit, end_hit), (first, end) = self._spans[:, entry]
            hits, particles = self._hits[first_hit:end_hit], self._particles[first:end]
            content = read_deposits(hits[hits["label"] == self._volume], self._names)
            vertex = read_vertex(particles, self._names)
        return Event(int(self._numbers[entry]), content, vertex, None, None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_volumes(hits: h5py.Dataset) -> list[str]:
    """Names of the volumes that were hit.

    Raises:
        ValueError: the file keeps numbers in their place.
    """
    if hits.dtype["label"].kind != "S":
        raise ValueError("label holds numbers, not names of volumes")
    return sorted(name.decode() for name in np.unique(hits.fields("label")[:]))


def read_extents(file: h5py.File) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the events, and int64[2, E, 2]: first and end of their rows in hits and in particles; old layout."""
    extents = file["MC/extents"][:]
    ends = np.stack([extents[name].astype(np.int64) + 1 for name in ("last_hit", "last_particle")])
    starts = np.concatenate([np.zeros((2, 1), np.int64), ends[:, :-1]], axis=1)
    return event_numbers(extents["evt_number"]), np.stack([starts, ends], axis=2)


def find_spans(file: h5py.File) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same for the newer layout, where every row names its event.

    Raises:
        ValueError: the rows of an event do not follow each other.
    """
    of_rows = [file[name].fields("event_id")[:].astype(np.int64) for name in TABLES]
    if any(np.any(np.diff(of_row) < 0) for of_row in of_rows):
        raise ValueError("event_id does not ascend")
    numbers = np.unique(np.concatenate(of_rows))
    edges = [[np.searchsorted(of_row, numbers, side) for side in ("left", "right")] for of_row in of_rows]
    return numbers, np.array(edges).transpose(0, 2, 1)


def read_deposits(hits: NDArray[Any], names: Names) -> Deposits:
    """Hits as deposits of no length.

    nexus keeps no length of a step. The energy loss a length takes the median path between hits of the same particle
    that follow each other, one for all hits of the event.
    """
    place_cm = CM_PER_MM * _columns(hits, names.place)
    energy = hits[names.energy].astype(np.float64)
    path_cm = np.linalg.norm(np.diff(place_cm, axis=0), axis=1)[np.diff(hits[names.particle]) == 0]
    length_cm = max(float(np.median(path_cm)) if len(path_cm) else 0.0, POINT_DEPOSIT_CM)
    return Deposits(
        start_cm_N3=place_cm,
        end_cm_N3=place_cm,
        time_us_N=US_PER_NS * hits[names.time].astype(np.float64),
        energy_mev_N=energy,
        dedx_mev_cm_N=energy / length_cm,
        origin_N=None,
        semantic_N=None,
    )


def read_vertex(particles: NDArray[Any], names: Names) -> Vertex | None:
    """Where the primary particles start, if that is one place."""
    start = _columns(particles[particles["primary"] == 1], names.start)
    return common_vertex(CM_PER_MM * start[:, :3], US_PER_NS * start[:, 3])


def _columns(rows: NDArray[Any], names: tuple[str, ...]) -> NDArray[np.float64]:
    """float64[N, K]: several columns, or one that holds vectors."""
    columns = rows[names[0]] if len(names) == 1 else np.stack([rows[name] for name in names], axis=1)
    return columns.astype(np.float64)
