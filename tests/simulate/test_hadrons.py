"""Stars, captures and neutrons: what nuclei give off when hadrons meet them."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL
from nuweave.simulate.hadrons import pion_rate
from nuweave.simulate.tracks import CAPTURE, INELASTIC
from tests.simulate.shoot import SBND_CM, shoot


def test_captured_muon_makes_a_neutron_or_so_and_photons_that_say_where_they_come_from() -> None:
    neutrons, photons = [], []
    for shot in shoot(13, 20.0, num=400):
        if shot.tracks["end_process"][0] == CAPTURE:
            made = shot.tracks[shot.tracks["parent"] == 0]
            made = made[made["start_process"] == CAPTURE]
            neutrons.append(np.sum(made["pdg"] == 2112))
            photons.append(made["kinetic_start"][made["pdg"] == 22].sum())
            assert set(made["pdg"]) <= {22, 2112}
    assert np.mean(neutrons) == pytest.approx(0.8, abs=0.15)
    assert np.mean(photons) == pytest.approx(4.0, rel=0.3)


def test_pions_interact_most_at_the_delta_and_hardly_when_slow() -> None:
    rates = [pion_rate(kinetic) for kinetic in (10.0, 50.0, 180.0, 1000.0)]
    assert rates[0] < rates[1] < rates[2]
    assert rates[2] == pytest.approx(1.5, abs=0.1)
    assert rates[3] == pytest.approx(1.0, abs=0.02)


def test_neutrons_of_some_mev_make_faint_blips_tens_of_centimetres_away() -> None:
    """Photons of nuclear levels and of captures: each deposit is small, and their distances spread around 60 cm."""
    distances, energies = [], []
    for shot in shoot(2112, 15.0, num=300, bounds_cm=SBND_CM, place_cm=(0.0, 0.0, 250.0)):
        early = shot.deposits[shot.deposits["t_start"] < 10.0]
        place = np.stack([early["x_start"], early["y_start"], early["z_start"] - 250.0], axis=1)
        distances.extend(np.linalg.norm(place, axis=1))
        energies.extend(shot.tracks["kinetic_start"][shot.tracks["pdg"] == 22])
        assert shot.energy < 15.0 + 8.0
    assert 25.0 < np.median(distances) < 90.0
    assert 1.0 < np.median(energies) < 4.0
    assert np.max(energies) <= 15.0


def test_fast_neutrons_knock_protons_out() -> None:
    knocked = [
        np.any((shot.tracks["pdg"] == 2212) & (shot.tracks["start_process"] == INELASTIC))
        for shot in shoot(2112, 200.0, num=200, bounds_cm=SBND_CM, place_cm=(0.0, 0.0, 250.0))
    ]
    assert np.mean(knocked) > 0.5


def test_a_captured_neutron_gives_the_energy_of_its_medium_in_photons_some_time_later() -> None:
    for medium, energy in ((LIQUID_ARGON, 6.1), (MINERAL_OIL, 2.22)):
        times = []
        for shot in shoot(2112, 0.5, num=60, medium=medium):
            photons = shot.tracks[(shot.tracks["parent"] == 0) & (shot.tracks["pdg"] == 22)]
            assert photons["kinetic_start"].sum() == pytest.approx(energy, abs=1.0)  # a last bit below 1 MeV is lost
            times.append(photons["t_start"][0])
        assert 150.0 < np.mean(times) < 800.0  # us


def test_neutrons_hit_the_protons_of_oil_but_leave_nothing_when_they_bounce_off_argon() -> None:
    for medium, recoils in ((MINERAL_OIL, True), (LIQUID_ARGON, False)):
        shots = list(shoot(2112, 5.0, num=50, medium=medium))
        assert any(np.any(shot.tracks["pdg"] == 2212) for shot in shots) == recoils
