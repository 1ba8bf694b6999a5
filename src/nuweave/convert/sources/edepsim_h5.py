"""edep-sim HDF5 in its dialects: deposits alone, with tracks (larnd-sim), with a generator's truth (2x2_sim, ours).

What each knows:
    deposits alone: no truth; which particle deposited is not enough to tell a delta ray from a shower.
    with tracks: semantics, and the vertex that deposited most energy. Nothing says which vertices are neutrinos.
    with a generator's truth: all. A vertex with a row in `mc_hdr` is a neutrino, any other a cosmic particle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Deposits, Event, Note, Provides, Vertex, neutrino_vertex
from nuweave.convert.sources.semantics import Trajectories, label_deposits, num_unknown
from nuweave.convert.sources.source import is_hdf5, require_no_volume
from nuweave.physics.truth import NEUTRAL_CURRENT, Mode, SiteLabel
from nuweave.store import PARTICLE
from nuweave.store.edepsim_file import Dialect, EdepSimFile, is_edepsim

FINAL_STATE = 1  # part_status in mc_stack
# flags of mc_hdr; `reaction` does not serve, each generator has a scheme of its own for it
MODE_OF_FLAG = {"isQES": Mode.QE, "isRES": Mode.RES, "isDIS": Mode.DIS, "isMEC": Mode.OTHER, "isCOH": Mode.OTHER}
FIELDS_OF_SEMANTICS = {"E_start", "start_process", "start_subprocess"}
POINT_DEPOSIT_CM = 0.01  # a shorter step has no energy loss a length of its own; this one stands in
LENGTH_TOLERANCE = 0.05  # of a stored `dx` that is not the length of its segment

Ends = tuple[NDArray[np.float64], NDArray[np.float64]]


class EdepSimH5:
    """A file in any of the dialects; only the rows of the event asked for are read."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        require_no_volume(path, volume)
        self._file = EdepSimFile(path)
        has_tracks = self._file.dialect is not Dialect.SEGMENTS
        has_truth = self._file.dialect is Dialect.GENERATOR
        self.provides = Provides(
            site_labels=has_truth,
            semantics=has_tracks and self._file.fields("trajectories") >= FIELDS_OF_SEMANTICS,
            vertex=has_tracks,
            particles=has_truth,
            mode=has_truth and self._file.fields("mc_hdr") >= set(MODE_OF_FLAG),
        )
        generator, seed = (self._file.attributes.get(name) for name in ("generator", "generator_seed"))
        self.generator = None if generator is None else str(generator)
        self.generator_seed = None if seed is None else str(seed)

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has edep-sim's segments."""
        return is_hdf5(path) and is_edepsim(path)

    def __len__(self) -> int:
        return len(self._file.event_ids)

    def event(self, entry: int) -> Event:
        """Deposits of an event, and the truth that its dialect has."""
        number = int(self._file.event_ids[entry])
        rows = {name: self._file.rows(name, number) for name in self._file.dialect.value}
        segments = rows["segments"]
        trigger_us = read_trigger(rows["vertices"]) if "vertices" in rows else 0.0
        ends = read_ends(segments)
        notes: dict[Note, int] = {"dx_is_not_length": num_wrong_lengths(segments, lengths(*ends))}
        origin = semantic = vertex = particles = mode = None
        if "trajectories" in rows:
            notes["unknown_pdg"] = num_unknown(rows["trajectories"]["pdg_id"])
            if not self.provides.particles:
                vertex = read_vertex(segments, rows["vertices"], trigger_us=trigger_us)
        else:
            notes["unknown_pdg"] = num_unknown(segments["pdg_id"])
        if self.provides.semantics:
            tracks = read_trajectories(rows["trajectories"])
            semantic, notes["missing_parent"] = label_deposits(segments["traj_id"].astype(np.int64), tracks)
        if self.provides.particles:
            origin = read_origin(segments, rows["mc_hdr"])
            neutrino = event_neutrino(segments, rows["mc_hdr"])
            particles = read_particles(neutrino, rows["mc_stack"], trigger_us=trigger_us)
            vertex = neutrino_vertex(particles)
            mode = read_mode(neutrino) if self.provides.mode else None
        deposits = read_deposits(segments, ends, origin, semantic, trigger_us=trigger_us)
        found = {note: num for note, num in notes.items() if num}
        return Event(number, deposits, vertex, particles, mode, found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_deposits(
    segments: NDArray[Any],
    ends: Ends,
    origin: NDArray[np.int8] | None,
    semantic: NDArray[np.int8] | None,
    *,
    trigger_us: float,
) -> Deposits:
    """Deposits of one event.

    Args:
        segments: rows of `segments`.
        ends: of the segments.
        origin: the SiteLabel of each row; None where it is not known.
        semantic: the SemanticLabel of each row; None where it is not known.
        trigger_us: time of the trigger on the file's clock.
    """
    start, end = ends
    energy = segments["dE"].astype(np.float64)
    # the stored dx is not the step's length in every version of edep-sim
    length = np.maximum(lengths(start, end), POINT_DEPOSIT_CM)
    return Deposits(
        start_cm_N3=start,
        end_cm_N3=end,
        time_us_N=0.5 * (segments["t0_start"].astype(np.float64) + segments["t0_end"]) - trigger_us,
        energy_mev_N=energy,
        dedx_mev_cm_N=energy / length,
        origin_N=origin,
        semantic_N=semantic,
    )


def read_ends(segments: NDArray[Any]) -> Ends:
    """float64[N, 3] where segments start and end [cm]."""
    start, end = (
        np.stack([segments[f"{axis}_{edge}"] for axis in "xyz"], axis=1).astype(np.float64) for edge in ("start", "end")
    )
    return start, end


def lengths(start_cm_N3: NDArray[np.float64], end_cm_N3: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[N], from start to end [cm]."""
    x_N, y_N, z_N = (end_cm_N3 - start_cm_N3).T
    return np.asarray(np.sqrt(x_N**2 + y_N**2 + z_N**2))


def num_wrong_lengths(segments: NDArray[Any], length_N: NDArray[np.float64]) -> int:
    """How many segments have a stored `dx` that is not their length; 0 where none is stored."""
    if "dx" not in (segments.dtype.names or ()):
        return 0
    return int(np.sum(np.abs(segments["dx"] - length_N) > LENGTH_TOLERANCE * np.maximum(length_N, POINT_DEPOSIT_CM)))


def read_trigger(vertices: NDArray[Any]) -> float:
    """Time of the trigger on the file's clock [us]; 0 where the file does not state it."""
    return float(vertices["t_event"][0]) if len(vertices) and "t_event" in (vertices.dtype.names or ()) else 0.0


def read_vertex(segments: NDArray[Any], vertices: NDArray[Any], *, trigger_us: float) -> Vertex | None:
    """The vertex of the event, of several the one that deposited most energy; None without vertices."""
    if len(vertices) == 0:
        return None
    row = vertices[_most_energetic(segments, vertices)]
    time = float(row["t_vert"]) - trigger_us if "t_vert" in (vertices.dtype.names or ()) else 0.0
    return Vertex(np.array([row["x_vert"], row["y_vert"], row["z_vert"]], np.float64), time)


def _most_energetic(segments: NDArray[Any], vertices: NDArray[Any]) -> int:
    """Which of some rows with a `vertex_id` has deposited most energy."""
    return int(np.argmax([float(segments["dE"][segments["vertex_id"] == one].sum()) for one in vertices["vertex_id"]]))


def read_trajectories(rows: NDArray[Any]) -> Trajectories:
    """What tells the semantics of tracks, of rows of `trajectories`."""
    trajectory, parent, pdg, process, subprocess = (
        rows[name].astype(np.int64) for name in ("traj_id", "parent_id", "pdg_id", "start_process", "start_subprocess")
    )
    return Trajectories(trajectory, parent, pdg, rows["E_start"].astype(np.float64), process, subprocess)


def read_origin(segments: NDArray[Any], header: NDArray[Any]) -> NDArray[np.int8]:
    """int8[N], the SiteLabel: NEUTRINO where the vertex has a row in `mc_hdr`, else COSMIC."""
    is_neutrino = np.isin(segments["vertex_id"], header["vertex_id"])
    return np.where(is_neutrino, SiteLabel.NEUTRINO, SiteLabel.COSMIC).astype(np.int8)


def event_neutrino(segments: NDArray[Any], header: NDArray[Any]) -> NDArray[Any]:
    """The row of `mc_hdr` of the event's neutrino, or no row: of several, the one that deposited most energy."""
    chosen: NDArray[Any] = header[[_most_energetic(segments, header)]] if len(header) else header
    return chosen


def read_mode(neutrino: NDArray[Any]) -> Mode | None:
    """The mode that is flagged in the row of a neutrino; None where none is, and without a row."""
    return next((mode for flag, mode in MODE_OF_FLAG.items() if neutrino[flag].any()), None)


def read_particles(chosen: NDArray[Any], stack: NDArray[Any], *, trigger_us: float) -> NDArray[Any]:
    """The neutrino and its final state as rows of PARTICLE; no rows without a neutrino.

    Args:
        chosen: the row of `mc_hdr` of the neutrino, or no row.
        stack: rows of `mc_stack`.
        trigger_us: time of the trigger on the file's clock.
    """
    if len(chosen) == 0:
        return np.zeros(0, PARTICLE)
    neutrino = chosen[0]
    final = stack[(stack["vertex_id"] == neutrino["vertex_id"]) & (stack["part_status"] == FINAL_STATE)]
    rows = np.zeros(1 + len(final), PARTICLE)
    rows["pdg"] = [neutrino["nu_pdg"], *final["part_pdg"]]
    rows["energy_init"] = np.array([neutrino["Enu"], *final["part_4mom"][:, 3]], np.float64) / 1000.0
    for name, momentum in zip(("px", "py", "pz"), final["part_4mom"].T, strict=False):
        rows[name][1:] = momentum.astype(np.float64) / 1000.0
    rows["current_type"], rows["interaction_type"] = -1, -1
    rows["current_type"][0] = 0 if neutrino["isCC"] else NEUTRAL_CURRENT
    rows["interaction_type"][0] = neutrino["reaction"]
    for axis in "xyz":
        rows["vtx"][axis] = neutrino[f"{axis}_vert"]
    names = neutrino.dtype.names or ()
    if "t_vert" in names:
        rows["vtx"]["t"] = 1000.0 * (float(neutrino["t_vert"]) - trigger_us)
    if "nu_4mom" in names:
        rows["px"][0], rows["py"][0], rows["pz"][0] = neutrino["nu_4mom"][:3].astype(np.float64) / 1000.0
    return rows
