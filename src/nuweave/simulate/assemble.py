"""From tracks, deposits and interactions to the tables of an edep-sim file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.physics import constants as lar
from nuweave.physics.medium import Nucleus
from nuweave.simulate.interactions import Interaction
from nuweave.simulate.tracks import DECAY, PRIMARY, Event
from nuweave.store.edepsim import (
    MC_HDR,
    MC_STACK,
    SEGMENT,
    TABLES,
    TRAJECTORY,
    VERTEX,
    EdepSimEvents,
)

VERTICES_PER_EVENT = 1000  # vertex_id = event_id * VERTICES_PER_EVENT + number; number 0 is the neutrino's
SHORTEST_CM = 1e-3  # least length in dE/dx
GRID_CM, GRID_US = 2.0**-12, 2.0**-20  # places and times are rounded to 2.4 um and 1 ps: files are a third smaller


@dataclass(frozen=True)
class Vertex:
    """Where particles begin: x, y, z [cm], t [us]; its number in the event; the interaction if it is a neutrino's.

    The primaries of an interaction are tracks `first_track`, and on, one for each final particle that is no neutrino.
    """

    number: int
    place: tuple[float, float, float, float]
    first_track: int
    interaction: Interaction | None = None


def assemble(event_id: int, event: Event, vertices: Sequence[Vertex], nucleus: Nucleus) -> EdepSimEvents:
    """The tables of one event.

    Tracks are kept if they left a deposit, are primary, or lead to one that is kept; they are numbered anew from 0.
    """
    tracks, deposits = event.tracks[: event.counts[0]], event.deposits[: event.counts[1]]
    keep = _needed(tracks)
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    neutrinos = [vertex for vertex in vertices if vertex.interaction is not None]
    tables = EdepSimEvents(
        segments=_segments(event_id, tracks, deposits, number),
        trajectories=_trajectories(event_id, tracks[keep], number),
        vertices=_vertices(event_id, vertices),
        mc_hdr=np.concatenate([np.zeros(0, MC_HDR), *(_header(event_id, vertex, nucleus) for vertex in neutrinos)]),
        mc_stack=np.concatenate(
            [np.zeros(0, MC_STACK), *(_stack(event_id, vertex, nucleus, number) for vertex in neutrinos)]
        ),
    )
    for name in TABLES:
        getattr(tables, name)["event_id"] = event_id
    return tables


def number_tracks(tables: EdepSimEvents, *, first: int) -> None:
    """Count `file_traj_id`, which begins at 0 in each event, from `first` on: the tracks before in the file."""
    for name in ("segments", "trajectories", "mc_stack"):
        column = getattr(tables, name)["file_traj_id"]
        column[column >= 0] += first


def _needed(tracks: NDArray[Any]) -> NDArray[np.bool_]:
    keep = (tracks["deposit"] > 0) | (tracks["parent"] < 0)
    while True:
        parents = tracks["parent"][keep]
        parents = parents[parents >= 0]
        if keep[parents].all():
            return np.asarray(keep)
        keep[parents] = True


def _vertex_ids(event_id: int, number: NDArray[Any] | int) -> Any:
    return event_id * VERTICES_PER_EVENT + number


def _segments(event_id: int, tracks: NDArray[Any], deposits: NDArray[Any], number: NDArray[np.int64]) -> NDArray[Any]:
    rows = np.zeros(len(deposits), SEGMENT)
    owner = deposits["track"]
    rows["vertex_id"] = _vertex_ids(event_id, tracks["vertex"])[owner]
    rows["segment_id"] = np.arange(len(rows))
    rows["traj_id"] = rows["file_traj_id"] = number[owner]
    rows["pdg_id"] = tracks["pdg"][owner]
    for axis, name, grid in (("x", "x", GRID_CM), ("y", "y", GRID_CM), ("z", "z", GRID_CM), ("t", "t0", GRID_US)):
        start, end = (grid * np.round(deposits[f"{axis}_{side}"] / grid) for side in ("start", "end"))
        rows[f"{name}_start"], rows[f"{name}_end"], rows[name] = start, end, 0.5 * (start + end)
    squares = [(deposits[f"{axis}_end"] - deposits[f"{axis}_start"]) ** 2 for axis in "xyz"]
    length = np.sqrt(squares[0] + squares[1] + squares[2])
    rows["dx"], rows["dE"] = length, deposits["energy"]
    rows["dEdx"] = deposits["energy"] / np.maximum(length, SHORTEST_CM)
    return rows


def _process_type(process: NDArray[np.int64]) -> NDArray[np.int64]:
    """Geant4's type of a process: 0 primary, 1 transportation, 2 electromagnetic, 4 hadronic, 6 decay."""
    kinds = [process == PRIMARY, process < 91, process < 100, process < DECAY]
    return np.select(kinds, [0, 2, 1, 4], default=6)


def _trajectories(event_id: int, tracks: NDArray[Any], number: NDArray[np.int64]) -> NDArray[Any]:
    rows = np.zeros(len(tracks), TRAJECTORY)
    parents = tracks["parent"]
    rows["vertex_id"] = _vertex_ids(event_id, tracks["vertex"])
    rows["traj_id"] = rows["file_traj_id"] = np.arange(len(tracks))
    rows["parent_id"] = np.where(parents < 0, -1, number[parents])
    rows["primary"], rows["pdg_id"], rows["dist_travel"] = parents < 0, tracks["pdg"], tracks["length"]
    for end, suffix in (("start", "_start"), ("end", "")):
        kinetic, mass = tracks[f"kinetic{suffix}"], tracks["mass"]
        momentum = np.sqrt(kinetic * (kinetic + 2 * mass))
        rows[f"E_{end}"] = kinetic + mass
        rows[f"pxyz_{end}"] = np.stack([momentum * tracks[f"u{axis}{suffix}"] for axis in "xyz"], axis=1)
        rows[f"xyz_{end}"] = np.stack([tracks[f"{axis}{suffix}"] for axis in "xyz"], axis=1)
        rows[f"t_{end}"] = tracks[f"t{suffix}"]
        rows[f"{end}_process"] = _process_type(tracks[f"{end}_process"])
        rows[f"{end}_subprocess"] = tracks[f"{end}_process"]
    return rows


def _vertices(event_id: int, vertices: Sequence[Vertex]) -> NDArray[Any]:
    rows = np.zeros(len(vertices), VERTEX)
    rows["vertex_id"] = [_vertex_ids(event_id, vertex.number) for vertex in vertices]
    for index, name in enumerate(("x_vert", "y_vert", "z_vert", "t_vert")):
        rows[name] = [vertex.place[index] for vertex in vertices]
    return rows


def _header(event_id: int, vertex: Vertex, nucleus: Nucleus) -> NDArray[Any]:
    interaction = vertex.interaction
    assert interaction is not None
    row = np.zeros(1, MC_HDR)
    row["vertex_id"] = _vertex_ids(event_id, vertex.number)
    for index, name in enumerate(("x_vert", "y_vert", "z_vert", "t_vert")):
        row[name] = vertex.place[index]
    row["target"], row["reaction"], row["isCC"] = nucleus.pdg, interaction.reaction, interaction.is_cc
    row[f"is{interaction.mode}"] = True
    beam, lepton = interaction.neutrino.momentum, interaction.final[0].momentum
    transfer = beam - lepton
    momentum = math.sqrt(float(lepton[:3] @ lepton[:3]))
    row["Enu"], row["nu_4mom"], row["nu_pdg"] = beam[3], beam, interaction.neutrino.pdg
    row["Elep"], row["lep_mom"], row["lep_pdg"] = lepton[3], momentum, interaction.final[0].pdg
    row["lep_ang"] = math.degrees(math.acos(min(max(float(lepton[2]) / momentum, -1.0), 1.0)))
    row["q0"], row["q3"] = transfer[3], math.sqrt(float(transfer[:3] @ transfer[:3]))
    row["Q2"] = row["q3"] ** 2 - row["q0"] ** 2
    row["x"], row["y"] = row["Q2"] / (2 * lar.PROTON_MASS_MEV * row["q0"]), row["q0"] / row["Enu"]
    return row


def _stack(event_id: int, vertex: Vertex, nucleus: Nucleus, number: NDArray[np.int64]) -> NDArray[Any]:
    """The neutrino and the nucleus, then the final state."""
    interaction = vertex.interaction
    assert interaction is not None
    rows = np.zeros(2 + len(interaction.final), MC_STACK)
    rows["vertex_id"] = _vertex_ids(event_id, vertex.number)
    rows["part_pdg"] = [interaction.neutrino.pdg, nucleus.pdg, *(particle.pdg for particle in interaction.final)]
    rows["part_4mom"][0] = interaction.neutrino.momentum
    rows["part_4mom"][1] = (0.0, 0.0, 0.0, nucleus.mass_mev)
    rows["part_4mom"][2:] = [particle.momentum for particle in interaction.final]
    rows["part_status"][2:] = 1
    tracked = np.isin(np.abs(rows["part_pdg"]), (12, 14), invert=True) & (rows["part_status"] == 1)
    rows["traj_id"] = -1
    rows["traj_id"][tracked] = number[vertex.first_track + np.arange(tracked.sum())]
    rows["file_traj_id"] = rows["traj_id"]
    return rows
