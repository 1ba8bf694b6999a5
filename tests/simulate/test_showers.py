"""Electrons and photons: conversion, containment, the first centimetres."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL, Medium
from nuweave.simulate.showers import compton_cm2, pair_share
from nuweave.simulate.tracks import BREMSSTRAHLUNG, CONVERSION
from tests.simulate.shoot import SBND_CM, lengths_cm, shoot


def test_photon_leaves_a_gap_before_it_converts() -> None:
    """But for what the shower throws back, nothing lies between the start and the conversion."""
    for shot in shoot(22, 500.0, num=40):
        if shot.tracks["end_process"][0] == CONVERSION and shot.tracks["deposit"][0] == 0:
            before = shot.deposits["z_start"] < shot.tracks["z"][0] - 0.1
            assert shot.deposits["energy"][before].sum() < 0.1 * 500


def test_contained_electron_leaves_all_of_its_energy() -> None:
    shares = [shot.energy / 500 for shot in shoot(11, 500.0, num=20, bounds_cm=SBND_CM, place_cm=(0.0, 0.0, 50.0))]
    assert np.min(shares) > 0.9
    assert np.max(shares) <= 1 + 1e-9


def test_in_endless_argon_not_a_single_electronvolt_is_lost() -> None:
    for shot in shoot(11, 300.0, num=5):
        assert shot.energy == pytest.approx(300.0, abs=1e-6)
    for shot in shoot(22, 300.0, num=5):
        assert shot.energy == pytest.approx(300.0, abs=1e-6)


def test_electron_begins_as_one_minimum_ionising_track() -> None:
    dedx = []
    for shot in shoot(11, 700.0, num=60):
        start = shot.deposits[(shot.deposits["z_end"] < 2.0) & (shot.deposits["t_start"] < 1e-3)]
        dedx.append(start["energy"].sum() / 2.0)
    assert np.median(dedx) == pytest.approx(2.0, rel=0.15)


def test_converted_photon_begins_as_two() -> None:
    dedx = []
    for shot in shoot(22, 700.0, num=80):
        if shot.tracks["end_process"][0] == CONVERSION and shot.tracks["kinetic_start"][1:3].min() > 50:
            start = shot.deposits["z_start"] - shot.tracks["z"][0]
            near = shot.deposits[(start >= 0) & (start < 1.7) & (lengths_cm(shot.deposits) > 0.01)]
            dedx.append(near["energy"].sum() / 2.0)
    assert np.median(dedx) == pytest.approx(4.0, rel=0.2)


def test_shower_is_as_long_as_expected() -> None:
    """Depth of the mean energy: the gamma profile has a/b with (a - 1)/b = ln(E/Ec) - 0.5 and b = 0.5, in X0."""
    expected = (np.log(1000 / 32.8) - 0.5) + 2.0
    deposits = [shot.deposits for shot in shoot(11, 1000.0, num=40)]
    depth = (
        np.mean([np.average(one["z_start"], weights=one["energy"]) for one in deposits])
        / LIQUID_ARGON.radiation_length_cm
    )
    assert depth == pytest.approx(expected, rel=0.2)


def test_an_electron_radiates_its_energy_away_in_a_radiation_length() -> None:
    """The first electron keeps about 1/e: the mean over many, ionisation (30 MeV) taken off."""
    radiated = []
    for shot in shoot(11, 2000.0, num=150):
        photons = shot.tracks[(shot.tracks["parent"] == 0) & (shot.tracks["start_process"] == BREMSSTRAHLUNG)]
        near = photons["z_start"] < LIQUID_ARGON.radiation_length_cm
        radiated.append(photons["kinetic_start"][near].sum() / 2000)
    assert np.mean(radiated) == pytest.approx(1 - np.exp(-1), abs=0.05)


@pytest.mark.parametrize(("energy", "expected_barn"), [(1.0, 0.2112), (10.0, 0.0510)])
def test_compton_cross_section_is_klein_and_nishinas(energy: float, expected_barn: float) -> None:
    assert compton_cm2(energy) * 1e24 == pytest.approx(expected_barn, rel=0.005)


def test_pair_production_starts_at_two_electron_masses_and_levels_off() -> None:
    assert pair_share(1.0) == 0
    assert pair_share(1e5) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("medium", [LIQUID_ARGON, MINERAL_OIL])
def test_photons_go_nine_sevenths_of_a_radiation_length_in_every_medium(medium: Medium) -> None:
    shots = shoot(22, 2000.0, num=300, medium=medium)
    gaps = [shot.tracks["length"][0] for shot in shots if shot.tracks["end_process"][0] == CONVERSION]
    assert np.mean(gaps) == pytest.approx(9 / 7 * medium.radiation_length_cm, rel=0.15)
