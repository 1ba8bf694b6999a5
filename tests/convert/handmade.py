"""Hand-made deposits and edep-sim files, small enough to check by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nuweave.convert.event import Deposits
from nuweave.physics.detectors import Detector
from nuweave.physics.truth import SemanticLabel, SiteLabel
from nuweave.store.edepsim import MC_HDR, MC_STACK, SEGMENT, TRAJECTORY, VERTEX, EdepSimEvents, write_edepsim

MIP_MEV_CM = 2.1
COSMIC_VERTEX, NEUTRINO_VERTEX = 100, 7
TRACK_OF_VERTEX = {COSMIC_VERTEX: 0, NEUTRINO_VERTEX: 1}


def deposits(*steps: tuple[tuple[float, float, float], tuple[float, float, float]], neutrino: bool = False) -> Deposits:
    """Steps of a minimum ionising particle at time 0, each from one place to another."""
    start, end = (np.array([step[edge] for step in steps], np.float64) for edge in (0, 1))
    length = np.linalg.norm(end - start, axis=1)
    return Deposits(
        start_cm_N3=start,
        end_cm_N3=end,
        time_us_N=np.zeros(len(steps)),
        energy_mev_N=MIP_MEV_CM * length,
        dedx_mev_cm_N=np.full(len(steps), MIP_MEV_CM),
        origin_N=np.full(len(steps), SiteLabel.NEUTRINO if neutrino else SiteLabel.COSMIC, np.int8),
        semantic_N=np.full(len(steps), SemanticLabel.TRACK, np.int8),
    )


def both(one: Deposits, other: Deposits) -> Deposits:
    """The deposits of both."""
    return Deposits(*(np.concatenate([getattr(part, name) for part in (one, other)]) for name in vars(one)))


def edepsim_tables(detector: Detector, *, num_events: int = 3) -> EdepSimEvents:
    """Events 10, 11, ...: a cosmic muon along z and, in all but the last, a numu CC interaction with a muon along +y.

    The muon along z passes 20 cm from the middle in x and 10 cm in y; the interaction lies 30 cm from it, at -x.
    The final state of the interaction is a muon of 500 MeV and two protons of 100 MeV and 5 MeV kinetic energy.
    """
    low, high = detector.bounds_cm.T
    middle = 0.5 * (low + high)
    place_cm = middle - np.array([30, 0, 0])
    segments, tracks, vertices, headers, stacks = [], [], [], [], []
    for number in range(10, 10 + num_events):
        has_neutrino = number < 10 + num_events - 1
        segments.append(_muon(number, COSMIC_VERTEX, low[2], high[2], axis=2, through=middle + np.array([20, 10, 0])))
        tracks.append(_track(number, COSMIC_VERTEX))
        vertices.append(_rows(VERTEX, 1, event_id=number, vertex_id=COSMIC_VERTEX))
        if not has_neutrino:
            continue
        tracks.append(_track(number, NEUTRINO_VERTEX))
        segments.append(_muon(number, NEUTRINO_VERTEX, place_cm[1], high[1], axis=1, through=place_cm))
        place = dict(zip(("x_vert", "y_vert", "z_vert"), place_cm, strict=True))
        vertices.append(_rows(VERTEX, 1, event_id=number, vertex_id=NEUTRINO_VERTEX, **place))
        headers.append(
            _rows(
                MC_HDR, 1, event_id=number, vertex_id=NEUTRINO_VERTEX, **place, t_vert=1.5, reaction=1001, isCC=True,
                isQES=True, Enu=900.0, nu_pdg=14,
            )
        )  # fmt: skip
        stack = _rows(MC_STACK, 4, event_id=number, vertex_id=NEUTRINO_VERTEX, part_status=[0, 1, 1, 1])
        stack["part_pdg"] = [14, 13, 2212, 2212]
        stack["part_4mom"][:, 3] = [900.0, 105.658 + 500.0, 938.272 + 100.0, 938.272 + 5.0]
        stack["part_4mom"][:, 2] = [900.0, 596.0, 444.6, 97.0]
        stacks.append(stack)
    return EdepSimEvents(
        segments=np.concatenate(segments),
        trajectories=np.concatenate(tracks),
        vertices=np.concatenate(vertices),
        mc_hdr=np.concatenate([np.zeros(0, MC_HDR), *headers]),
        mc_stack=np.concatenate([np.zeros(0, MC_STACK), *stacks]),
        attributes={"generator": "by hand", "generator_seed": "4"},
    )


def write_edepsim_file(path: Path, detector: Detector, *, num_events: int = 3) -> Path:
    """The events of `edepsim_tables` in a file."""
    write_edepsim(path, edepsim_tables(detector, num_events=num_events))
    return path


def _rows(dtype: np.dtype[np.void], num: int, **values: object) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    rows = np.zeros(num, dtype)
    for name, value in values.items():
        rows[name] = value
    return rows


def _track(event: int, vertex: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """The trajectory of a primary muon."""
    track = TRACK_OF_VERTEX[vertex]
    return _rows(
        TRAJECTORY, 1, event_id=event, vertex_id=vertex, traj_id=track, parent_id=-1, primary=True, pdg_id=13,
        E_start=605.658,
    )  # fmt: skip


def _muon(
    event: int,
    vertex: int,
    begin: float,
    end: float,
    *,
    axis: int,
    through: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Segments of 0.3 cm along an axis."""
    edges = np.arange(begin, end, 0.3)
    rows = _rows(SEGMENT, len(edges) - 1, event_id=event, vertex_id=vertex, pdg_id=13, dE=MIP_MEV_CM * 0.3, dx=0.3)
    rows["traj_id"] = TRACK_OF_VERTEX[vertex]
    for index, name in enumerate("xyz"):
        rows[f"{name}_start"] = edges[:-1] if index == axis else through[index]
        rows[f"{name}_end"] = edges[1:] if index == axis else through[index]
    return rows
