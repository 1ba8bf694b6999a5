"""What kind of particle deposited energy (SemanticLabel), from the trajectories of an event: pure functions.

A trajectory that is no electron, positron or photon is a TRACK. Electrons and photons come in families: one begins with
a primary, with a child of a track, and with every photon; electrons and positrons made by their like or by a photon
belong to their parent's. The first of a family decides:
    MICHEL: an electron of a muon that decays (with one of a captured mu- above LOW_ENERGY_MEV: Geant4 names the capture
        as the maker of a bound muon's decay electron, and of the softer electrons of the muonic atom).
    DELTA: an electron that a track knocks out by ionisation.
    LOW_ENERGY: anything else with a total energy below LOW_ENERGY_MEV: photons of de-excitation and capture, soft
        bremsstrahlung (of Michel electrons too) that shows as single Compton electrons far from its origin.
    SHOWER: what is left.
A delta without a trajectory of its own is part of its track.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from particle import PDGID

from nuweave.physics.truth import SemanticLabel

LOW_ENERGY_MEV = (
    5.0  # capture on argon-40 gives photons up to 4.7 MeV; below 12 MeV they scatter more than they convert
)
ELECTRON, MUON, PHOTON = 11, 13, 22
# Geant4's types of processes, and the one subtype that matters
ELECTROMAGNETIC, HADRONIC, DECAY = 2, 4, 6
IONISATION = 2


class Trajectories(NamedTuple):
    """The particles of an event that were followed.

    Attributes:
        id_T: int64[T], unique.
        parent_T: int64[T], the id of the parent; negative for primaries.
        pdg_T: int64[T], PDG codes.
        energy_mev_T: float64[T], total energy at the start.
        process_T, subprocess_T: int64[T], Geant4's type and subtype of the process that made it; of primaries anything.
    """

    id_T: NDArray[np.int64]
    parent_T: NDArray[np.int64]
    pdg_T: NDArray[np.int64]
    energy_mev_T: NDArray[np.float64]
    process_T: NDArray[np.int64]
    subprocess_T: NDArray[np.int64]


def label_trajectories(tracks: Trajectories) -> tuple[NDArray[np.int8], int]:
    """The SemanticLabel of each trajectory.

    Args:
        tracks: all of an event, in any order.
    Returns:
        int8[T], and how many trajectories have a parent that is missing; they are taken for primaries.
    """
    place_T, found_T = find_rows(tracks.id_T, tracks.parent_T)
    missing_T = ~found_T & (tracks.parent_T >= 0)
    kind_T = np.abs(tracks.pdg_T)
    light_T = np.isin(kind_T, (ELECTRON, PHOTON))
    parent_kind_T = np.where(found_T, kind_T[place_T], 0)
    inherits_T = found_T & (kind_T == ELECTRON) & light_T[place_T]

    of_muon_T = (kind_T == ELECTRON) & (parent_kind_T == MUON)
    energetic_T = tracks.energy_mev_T >= LOW_ENERGY_MEV
    michel_T = of_muon_T & ((tracks.process_T == DECAY) | ((tracks.process_T == HADRONIC) & energetic_T))
    knocked_T = found_T & ~light_T[place_T] & (tracks.process_T == ELECTROMAGNETIC)
    delta_T = knocked_T & (tracks.pdg_T == ELECTRON) & (tracks.subprocess_T == IONISATION)
    label_T = np.select(
        [~light_T, michel_T, delta_T, ~energetic_T],
        [SemanticLabel.TRACK, SemanticLabel.MICHEL, SemanticLabel.DELTA, SemanticLabel.LOW_ENERGY],
        SemanticLabel.SHOWER,
    ).astype(np.int8)
    return label_T[_first_of_family(inherits_T, place_T)], int(missing_T.sum())


def label_deposits(track_N: NDArray[Any], tracks: Trajectories) -> tuple[NDArray[np.int8], int]:
    """The SemanticLabel of each deposit: that of its trajectory; TRACK where the trajectory is missing.

    Args:
        track_N: ids of the trajectories that deposited.
        tracks: all of the event.
    Returns:
        int8[N], and how many trajectories or parents of one are missing.
    """
    label_T, num_missing = label_trajectories(tracks)
    place_N, found_N = find_rows(tracks.id_T, track_N)
    label_N = np.full(len(track_N), SemanticLabel.TRACK, np.int8)
    label_N[found_N] = label_T[place_N[found_N]]
    return label_N, num_missing + len(np.unique(track_N[~found_N]))


def find_rows(ids_T: NDArray[Any], wanted_N: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """int[N] row of each wanted id (0 where there is none), and bool[N] whether there is one."""
    if len(ids_T) == 0:
        return np.zeros(len(wanted_N), np.intp), np.zeros(len(wanted_N), np.bool_)
    order = np.argsort(ids_T, kind="stable")
    row_N = order[np.minimum(np.searchsorted(ids_T, wanted_N, sorter=order), len(ids_T) - 1)]
    found_N = ids_T[row_N] == wanted_N
    return np.where(found_N, row_N, 0), found_N


def num_unknown(pdg_N: NDArray[Any]) -> int:
    """How many PDG codes name no particle; ions (codes of ten digits) do."""
    codes, counts = np.unique(pdg_N, return_counts=True)
    return int(sum(count for code, count in zip(codes, counts, strict=True) if not PDGID(int(code)).is_valid))


def _first_of_family(inherits_T: NDArray[np.bool_], place_T: NDArray[np.intp]) -> NDArray[np.intp]:
    """int[T], the nearest trajectory up the tree that does not inherit, by leaps that double in length."""
    first_T = np.where(inherits_T, place_T, np.arange(len(place_T)))
    for _ in range(len(place_T).bit_length()):
        first_T = first_T[first_T]
    return first_T
