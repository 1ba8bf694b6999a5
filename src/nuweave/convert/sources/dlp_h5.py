"""Geant4 steps in the HDF5 layout that JAXTPC takes as input: a variable-length table an event and volume.

Source: layout and units checked on JAXTPC's muon.h5; `ke` of its tables holds the momentum, and is not used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Deposits, Event, Note, Provides, Vertex
from nuweave.convert.sources.edepsim_h5 import POINT_DEPOSIT_CM
from nuweave.convert.sources.semantics import Trajectories, label_deposits, num_unknown
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
TABLES = ("event/geant4", "particle/geant4", "vertex/geant4")
PARTS = (*TABLES, "pstep")


class DlpH5:
    """Steps in one volume. What made a vertex is a free text that is empty in the file at hand: it is not read."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        self._path = path
        with open_parts(path, PARTS) as self._file, reading(path, "the list of events or volumes"):
            events, self._particles, self._vertices = (self._file[name] for name in TABLES)
            self._numbers = event_numbers(events["event_id"])
            self._steps = self._file["pstep"][choose_volume(path, list(self._file["pstep"]), volume)]
        self.provides = Provides(site_labels=False, semantics=True, vertex=True, particles=False, mode=False)
        self.generator: str | None = None
        self.generator_seed: str | None = None

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has the tables of the layout."""
        return has_parts(path, PARTS)

    def __len__(self) -> int:
        return len(self._numbers)

    def event(self, entry: int) -> Event:
        """Deposits in the volume, and where the event's vertices lie, if that is one place."""
        with reading(self._path, f"entry {entry}"):
            steps, tracks = self._steps[entry], read_trajectories(self._particles[entry])
            vertex = read_vertex(self._vertices[entry])
            label, num_missing = label_deposits(steps["track_id"], tracks)
            content = read_deposits(steps, label)
        notes: dict[Note, int] = {"missing_parent": num_missing, "unknown_pdg": num_unknown(tracks.pdg_T)}
        found = {note: num for note, num in notes.items() if num}
        return Event(int(self._numbers[entry]), content, vertex, None, None, found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_deposits(steps: NDArray[Any], semantic_N: NDArray[np.int8]) -> Deposits:
    """Steps as deposits: their place is the middle, theta and phi are their direction (within 0.01 mm in muon.h5)."""
    columns = {name: steps[name].astype(np.float64) for name in ("x", "y", "z", "t", "theta", "phi", "de", "dx")}
    theta, phi = columns["theta"], columns["phi"]
    direction = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
    middle_cm = CM_PER_MM * np.stack([columns[axis] for axis in "xyz"], axis=1)
    length_cm = CM_PER_MM * columns["dx"]
    half_cm = 0.5 * length_cm[:, None] * direction
    return Deposits(
        start_cm_N3=middle_cm - half_cm,
        end_cm_N3=middle_cm + half_cm,
        time_us_N=US_PER_NS * columns["t"],
        energy_mev_N=columns["de"],
        dedx_mev_cm_N=columns["de"] / np.maximum(length_cm, POINT_DEPOSIT_CM),
        origin_N=None,
        semantic_N=semantic_N,
    )


def read_vertex(vertices: NDArray[Any]) -> Vertex | None:
    """Where the vertices lie, if that is one place."""
    place_cm = CM_PER_MM * np.stack([vertices[axis] for axis in "xyz"], axis=1).astype(np.float64)
    return common_vertex(place_cm, US_PER_NS * vertices["t"].astype(np.float64))


def read_trajectories(particles: NDArray[Any]) -> Trajectories:
    """The particles of an event, with their parents and the processes that made them."""
    columns = ("track_id", "parent_track_id", "pdg", "proc_start", "subproc_start")
    track, parent, pdg, process, subprocess = (particles[name].astype(np.int64) for name in columns)
    parts = np.stack([particles[name].astype(np.float64) for name in ("px", "py", "pz", "mass")])
    return Trajectories(track, parent, pdg, np.sqrt(np.sum(parts**2, axis=0)), process, subprocess)
