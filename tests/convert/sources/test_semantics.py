"""What deposited, told by the tree of trajectories; every tree here is drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.convert.sources.semantics import (
    LOW_ENERGY_MEV,
    Trajectories,
    find_rows,
    label_deposits,
    label_trajectories,
    num_unknown,
)
from nuweave.physics.truth import SemanticLabel

TRACK, SHOWER, MICHEL = SemanticLabel.TRACK, SemanticLabel.SHOWER, SemanticLabel.MICHEL
DELTA, LOW = SemanticLabel.DELTA, SemanticLabel.LOW_ENERGY
# Geant4's (type, subtype)
NONE, IONISATION, BREMSSTRAHLUNG, ANNIHILATION, COMPTON, CONVERSION = (0, 0), (2, 2), (2, 3), (2, 5), (2, 13), (2, 14)
PAIR_OF_MUON, INELASTIC, CAPTURE, AT_REST, DECAY = (2, 4), (4, 121), (4, 131), (4, 151), (6, 201)
Row = tuple[int, int, int, float, tuple[int, int]]


def trajectories(*rows: Row) -> Trajectories:
    """From (id, parent, PDG code, total energy in MeV, process)."""
    names, parents, codes, energies, processes = zip(*rows, strict=True)
    types, subtypes = zip(*processes, strict=True)
    number, parent, pdg, kind, subkind = (np.array(one, np.int64) for one in (names, parents, codes, types, subtypes))
    return Trajectories(number, parent, pdg, np.array(energies, np.float64), kind, subkind)


def labels(*rows: Row) -> list[SemanticLabel]:
    return [SemanticLabel(one) for one in label_trajectories(trajectories(*rows))[0]]


@pytest.mark.parametrize("pdg", [13, -13, 211, -321, 2212, 2112, 1000180400, 1000020040, 3222, 0])
def test_what_is_no_electron_or_photon_is_a_track(pdg: int) -> None:
    assert labels((1, -1, pdg, 1000.0, NONE)) == [TRACK]


def test_a_muon_leaves_deltas_a_shower_and_a_michel_electron() -> None:
    assert labels(
        (1, -1, 13, 1000.0, NONE),
        (2, 1, 11, 9.0, IONISATION),  # a delta,
        (3, 2, 11, 2.0, IONISATION),  # and what it knocks out
        (4, 1, 22, 80.0, BREMSSTRAHLUNG),
        (5, 4, -11, 50.0, CONVERSION),
        (6, 1, -11, 40.0, PAIR_OF_MUON),
        (7, 1, 11, 35.0, DECAY),
        (8, 7, 11, 3.0, IONISATION),
    ) == [TRACK, DELTA, DELTA, SHOWER, SHOWER, SHOWER, MICHEL, MICHEL]


def test_a_captured_muon_has_a_michel_electron_only_if_it_is_energetic() -> None:
    assert labels(
        (1, -1, 13, 300.0, NONE),
        (2, 1, 11, 30.0, AT_REST),  # it decayed in its orbit
        (3, 1, 11, 0.7, AT_REST),  # an electron of the muonic atom
        (4, 1, 22, 3.0, AT_REST),
    ) == [TRACK, MICHEL, LOW, LOW]


def test_photons_of_a_michel_electron_begin_anew() -> None:
    assert labels(
        (1, -1, -13, 120.0, NONE),
        (2, 1, -11, 45.0, DECAY),
        (3, 2, 22, 2.0, BREMSSTRAHLUNG),
        (4, 3, 11, 1.5, COMPTON),
        (5, 2, 22, 12.0, BREMSSTRAHLUNG),
        (6, 5, 11, 8.0, CONVERSION),
        (7, 2, 22, 0.511, ANNIHILATION),
    ) == [TRACK, MICHEL, LOW, LOW, SHOWER, SHOWER, LOW]


def test_a_neutral_pion_makes_showers_and_a_pion_that_decays_to_an_electron_too() -> None:
    assert labels(
        (1, -1, 111, 300.0, NONE),
        (2, 1, 22, 200.0, DECAY),
        (3, 2, 11, 120.0, CONVERSION),
        (4, 1, -11, 60.0, DECAY),  # Dalitz
        (5, -1, 211, 139.6, NONE),
        (6, 5, -11, 69.8, DECAY),
    ) == [TRACK, SHOWER, SHOWER, SHOWER, TRACK, SHOWER]


def test_photons_of_capture_and_soft_photons_are_low_energy() -> None:
    assert labels(
        (1, -1, 2112, 945.0, NONE),
        (2, 1, 22, 4.7, CAPTURE),
        (3, 2, 11, 4.0, COMPTON),
        (4, 1, 22, 1.46, INELASTIC),
        (5, -1, 22, 4.9, NONE),  # the generator's own photon of de-excitation
        (6, -1, 22, LOW_ENERGY_MEV, NONE),
    ) == [TRACK, LOW, LOW, LOW, LOW, SHOWER]


def test_the_process_of_a_primary_says_nothing() -> None:
    assert labels((1, -1, 11, 600.0, IONISATION), (2, -1, 11, 600.0, DECAY)) == [SHOWER, SHOWER]


def test_order_does_not_matter_and_families_may_be_deep() -> None:
    chain: list[Row] = [(number, number - 1, 11, 1.0, IONISATION) for number in range(2, 200)]
    rows: list[Row] = [(0, -1, 13, 1000.0, NONE), (1, 0, 11, 30.0, DECAY), *chain]
    assert labels(*rows[::-1]) == [MICHEL] * 199 + [TRACK]


def test_a_missing_parent_is_counted_and_its_child_taken_for_a_primary() -> None:
    tracks = trajectories((1, 99, 11, 30.0, DECAY), (2, 98, 11, 2.0, IONISATION), (3, 1, 11, 9.0, IONISATION))
    found, missing = label_trajectories(tracks)
    assert ([SemanticLabel(one) for one in found], missing) == ([SHOWER, LOW, SHOWER], 2)


def test_trajectories_that_are_their_own_ancestors_do_not_hang() -> None:
    rings: list[Row] = [(1, 1, 11, 9.0, NONE), (2, 3, 11, 9.0, NONE), (3, 4, 11, 9.0, NONE), (4, 2, 11, 9.0, NONE)]
    assert set(labels(*rings)) == {SHOWER}


def test_deposits_have_the_label_of_their_trajectory() -> None:
    tracks = trajectories((5, -1, 13, 1000.0, NONE), (3, 5, 11, 9.0, IONISATION))
    found, missing = label_deposits(np.array([3, 5, 5, 7, 7]), tracks)
    assert (found.tolist(), missing) == ([DELTA, TRACK, TRACK, TRACK, TRACK], 1)
    assert label_deposits(np.zeros(0, np.int64), tracks)[0].tolist() == []


def test_find_rows_against_a_dictionary() -> None:
    rng = np.random.default_rng(3)
    ids, wanted = rng.permutation(50)[:20], rng.integers(0, 50, 100)
    place = {int(one): row for row, one in enumerate(ids)}
    row, found = find_rows(ids, wanted)
    assert found.tolist() == [int(one) in place for one in wanted]
    assert row.tolist() == [place.get(int(one), 0) for one in wanted]
    assert not find_rows(np.zeros(0, np.int64), wanted)[1].any()


def test_ions_are_known_and_codes_of_generators_are_not() -> None:
    assert num_unknown(np.array([13, 1000180400, 1000180399, -2212])) == 0
    assert num_unknown(np.array([2000000101, 0, 0, 22])) == 3
