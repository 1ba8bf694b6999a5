"""edep-sim HDF5 as 2x2_sim writes it: segments, trajectories, vertices and GENIE truth. Units: cm, us, MeV.

The axes are x drift, y up, z beam. Four-momenta are (px, py, pz, E) in MeV, and so are all energies of `mc_hdr`
(Enu, Elep, q0, q3; Q2 in MeV2). A vertex with a row in `mc_hdr` is a neutrino; any other vertex is a cosmic particle.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.files import write_aside
from nuweave.store.growing import GrowingTable

CHUNK_ROWS = 1024  # of segments, 152 kB: an event is some 14 chunks, and they deflate better than larger ones

_KEYS = [("event_id", "u4"), ("vertex_id", "u8")]
_MOMENTUM = [("part_4mom", "f4", (4,))]
_TRACK = [("traj_id", "u4"), ("file_traj_id", "u4"), ("pdg_id", "i4")]

# A straight piece of a track. `t0` is the time of the deposit; `t`, charge and diffusion are 0 before the drift.
SEGMENT = np.dtype(
    [*_KEYS, ("segment_id", "u4"), *_TRACK]
    + [(f"{axis}{end}", "f4") for axis in "xyz" for end in ("_start", "_end", "")]
    + [(f"{time}{end}", "f8") for time in ("t0", "t") for end in ("_start", "_end", "")]
    + [(name, "f4") for name in ("dx", "dE", "dEdx", "n_photons", "tran_diff", "long_diff")]
    + [("n_electrons", "u4"), ("pixel_plane", "i4")],
    align=True,
)

# A particle. `traj_id` is unique in its event, `file_traj_id` in the file; `parent_id` is a `traj_id` or -1 (primary).
TRAJECTORY = np.dtype(
    [*_KEYS, *_TRACK, ("parent_id", "i4"), ("primary", "?"), ("E_start", "f4"), ("E_end", "f4"), ("dist_travel", "f4")]
    + [(f"{name}_{end}", "f4", (3,)) for name in ("pxyz", "xyz") for end in ("start", "end")]
    + [(f"t_{end}", "f8") for end in ("start", "end")]
    + [(f"{end}_{name}", "u4") for end in ("start", "end") for name in ("process", "subprocess")],
    align=True,
)

VERTEX = np.dtype(
    [*_KEYS, ("x_vert", "f4"), ("y_vert", "f4"), ("z_vert", "f4"), ("t_vert", "f8"), ("t_event", "f8")], align=True
)

# A neutrino interaction. `reaction` is LArSoft's code (1001 CCQE), `lep_ang` the lepton's angle to the neutrino [deg].
MC_HDR = np.dtype(
    [*_KEYS, ("x_vert", "f4"), ("y_vert", "f4"), ("z_vert", "f4"), ("t_vert", "f8"), ("target", "u4")]
    + [("reaction", "i4"), *((mode, "?") for mode in ("isCC", "isQES", "isMEC", "isRES", "isDIS", "isCOH"))]
    + [("Enu", "f4"), ("nu_4mom", "f4", (4,)), ("nu_pdg", "i4")]
    + [("Elep", "f4"), ("lep_mom", "f4"), ("lep_ang", "f4"), ("lep_pdg", "i4")]
    + [(name, "f4") for name in ("q0", "q3", "Q2", "x", "y")],
    align=True,
)

# A particle of an interaction. `part_status` 0 initial, 1 final; the track ids are -1 where it was not tracked.
MC_STACK = np.dtype(
    [*_KEYS, ("traj_id", "i4"), ("file_traj_id", "i4"), ("part_pdg", "i4"), ("part_status", "i4"), *_MOMENTUM],
    align=True,
)

TABLES = {
    "segments": SEGMENT,
    "trajectories": TRAJECTORY,
    "vertices": VERTEX,
    "mc_hdr": MC_HDR,
    "mc_stack": MC_STACK,
}


@dataclass(frozen=True)
class EdepSimEvents:
    """The five tables of one or more events, rows of an event together, events ascending.

    Attributes:
        segments: rows of SEGMENT; likewise trajectories, vertices, mc_hdr and mc_stack.
        attributes: what the file says of itself: generator, generator_seed, file, detector.
    """

    segments: NDArray[Any]
    trajectories: NDArray[Any]
    vertices: NDArray[Any]
    mc_hdr: NDArray[Any]
    mc_stack: NDArray[Any]
    attributes: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def event_ids(self) -> NDArray[np.int64]:
        """int64[events], ascending: every event that has a vertex, with deposits or without."""
        return np.unique(self.vertices["event_id"]).astype(np.int64)


class EdepSimWriter:
    """A file under construction, with some events in memory. A context manager: the final name appears on success only.

    Args:
        path: the file to make.
        attributes: of its root.
    """

    def __init__(self, path: Path, attributes: Mapping[str, str | int]) -> None:
        self._path, self._attributes = path, attributes

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            file = stack.enter_context(h5py.File(stack.enter_context(write_aside(self._path)), "w"))
            file.attrs.update(self._attributes)
            self._tables = {name: GrowingTable(file, name, dtype, chunk=CHUNK_ROWS) for name, dtype in TABLES.items()}
            stack.push(self._flush)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _flush(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: object) -> None:
        """Write what waits, unless the block has failed."""
        if kind is None:
            for table in self._tables.values():
                table.flush()

    def append(self, events: EdepSimEvents) -> None:
        """Add the tables of one or more events; their attributes are not looked at."""
        for name, table in self._tables.items():
            table.append(getattr(events, name))


def write_edepsim(path: Path, tables: EdepSimEvents) -> None:
    """Write tables and their attributes, chunked and compressed; the final name appears only on success.

    Args:
        path: the file to make.
        tables: the events.
    """
    with EdepSimWriter(path, tables.attributes) as writer:
        writer.append(tables)
