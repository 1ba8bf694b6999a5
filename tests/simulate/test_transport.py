"""Muons, pions, protons: where they stop and what they leave behind."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.physics.constants import MUON_MASS_MEV, PROTON_MASS_MEV
from nuweave.physics.energy_loss import csda_range_cm
from nuweave.simulate.tracks import CAPTURE, DECAY, INELASTIC, IONISATION
from nuweave.simulate.transport import michel_energy
from tests.simulate.shoot import SBND_CM, lengths_cm, shoot


@pytest.mark.parametrize(
    ("pdg", "mass", "kinetic"), [(13, MUON_MASS_MEV, 200), (13, MUON_MASS_MEV, 500), (2212, PROTON_MASS_MEV, 100)]
)
def test_range_is_that_of_continuous_slowing_down(pdg: int, mass: float, kinetic: float) -> None:
    first = [shot.tracks[0] for shot in shoot(pdg, kinetic, num=60)]
    lengths = [track["length"] for track in first if track["end_process"] != INELASTIC]
    assert np.mean(lengths) == pytest.approx(csda_range_cm(kinetic, mass), rel=0.02)


def test_stopping_proton_ends_in_a_bragg_peak() -> None:
    shot = next(shoot(2212, 60.0, num=1))
    dedx = shot.deposits["energy"] / lengths_cm(shot.deposits)
    assert dedx[0] == pytest.approx(10.7, rel=0.15)
    assert dedx[-2] > 5 * dedx[0]


def test_no_energy_is_made_and_a_stopping_muon_leaves_all_of_its_own() -> None:
    for shot in shoot(13, 200.0, num=10):
        own = shot.deposits["energy"][shot.deposits["track"] == 0].sum()
        deltas = shot.tracks[(shot.tracks["parent"] == 0) & (shot.tracks["start_process"] == IONISATION)]
        assert own + deltas["kinetic_start"].sum() == pytest.approx(200.0)
        assert 200.0 <= shot.energy + 1e-6 < 200.0 + 105.66  # what the muon's mass sets free: neutrinos take most


@pytest.mark.parametrize("pdg", [2212, 2112, 211, -211, 111, 22, 11])
def test_deposits_never_exceed_what_the_particle_brings(pdg: int) -> None:
    """Kinetic energy, and the rest mass of what decays, annihilates or is captured."""
    brought = 300.0 + {211: 139.6, -211: 139.6, 111: 135.0, 2112: 8.0}.get(pdg, 0.0)
    for shot in shoot(pdg, 300.0, num=20):
        assert shot.energy <= brought + 1e-6


def test_every_stopped_mu_plus_gives_a_michel_positron_and_a_quarter_of_mu_minus_an_electron() -> None:
    plus = [shot.tracks for shot in shoot(-13, 20.0, num=200)]
    energies = np.array([tracks["kinetic_start"][tracks["pdg"] == -11].max() for tracks in plus])
    assert energies.max() <= 52.83
    assert energies.mean() == pytest.approx(0.7 * 52.83, rel=0.05)
    delays = np.array([tracks["t_start"][tracks["pdg"] == -11].max() for tracks in plus])
    assert delays.mean() == pytest.approx(2.197, rel=0.25)
    ends = np.array([shot.tracks["end_process"][0] for shot in shoot(13, 20.0, num=400)])
    assert np.mean(ends == CAPTURE) == pytest.approx(0.73, abs=0.07)


def test_pions_and_muons_decay_in_flight_as_often_as_their_lifetime_says() -> None:
    """A pion of 1 GeV, p/m = 8.09, goes 63.2 m: in 0.3 m, before much else happens, 0.5 % decay; a muon hardly ever."""
    thin = np.array([[-50.0, 50.0], [-50.0, 50.0], [0.0, 30.0]])
    ends = [shot.tracks["end_process"][0] for shot in shoot(211, 1000.0, num=4000, bounds_cm=thin)]
    assert np.mean(np.array(ends) == DECAY) == pytest.approx(0.0047, abs=0.003)
    assert all(shot.tracks["end_process"][0] != DECAY for shot in shoot(13, 1000.0, num=300, bounds_cm=thin))


def test_products_of_a_decay_in_flight_have_the_energies_that_kinematics_allows() -> None:
    """The muon of a pion of energy E has from 0.57 to all of it: (m_mu/m_pi)^2 E to E."""
    thin = np.array([[-50.0, 50.0], [-50.0, 50.0], [0.0, 100.0]])
    found = 0
    for shot in shoot(211, 1000.0, num=1500, bounds_cm=thin):
        if shot.tracks["end_process"][0] == DECAY and shot.tracks["length"][0] < 100.0:
            muon = shot.tracks[np.flatnonzero(shot.tracks["start_process"] == DECAY)[0]]
            energy = 1000.0 + 139.57 - shot.deposits["energy"][shot.deposits["track"] == 0].sum()
            assert muon["pdg"] == -13
            assert muon["uz_start"] > 0.99
            assert 0.5 * energy < muon["kinetic_start"] + MUON_MASS_MEV < energy
            found += 1
    assert found > 3


def test_michel_spectrum_has_its_edge_and_mean() -> None:
    rng = np.random.default_rng(1)
    energies = np.array([michel_energy(rng) for _ in range(20000)])
    assert 52.0 < energies.max() <= 52.83
    assert energies.mean() == pytest.approx(0.7 * 52.83, rel=0.01)


def test_pi_plus_that_stops_gives_a_muon_that_gives_a_positron() -> None:
    for shot in shoot(211, 25.0, num=10):
        muon = int(np.flatnonzero(shot.tracks["pdg"] == -13)[0])
        assert shot.tracks["parent"][muon] == 0
        assert shot.tracks["kinetic_start"][muon] == pytest.approx(4.12, abs=0.01)
        positron = int(np.flatnonzero(shot.tracks["pdg"] == -11)[0])
        assert shot.tracks["parent"][positron] == muon


def test_pions_interact_after_their_interaction_length() -> None:
    first = [shot.tracks[0] for shot in shoot(211, 1000.0, num=300)]
    within = np.mean([track["end_process"] == INELASTIC and track["length"] < 106.7 for track in first])
    assert within == pytest.approx(1 - np.exp(-1), abs=0.08)


def test_neutral_pion_decays_to_two_photons_of_its_mass() -> None:
    for shot in shoot(111, 300.0, num=20):
        photons = shot.tracks[1:3]
        assert list(photons["pdg"]) == [22, 22]
        energy = photons["kinetic_start"]
        opening = sum(photons[f"u{axis}_start"][0] * photons[f"u{axis}_start"][1] for axis in "xyz")
        assert energy.sum() == pytest.approx(300 + 134.9768)
        assert np.sqrt(2 * energy.prod() * (1 - opening)) == pytest.approx(134.9768)


def test_deposits_stay_in_the_volume() -> None:
    for shot in shoot(13, 5000.0, num=5, bounds_cm=SBND_CM, place_cm=(190.0, 0.0, 0.0), direction=(0.6, 0.0, 0.8)):
        for axis, (low, high) in zip("xyz", SBND_CM, strict=True):
            for end in ("start", "end"):
                place = shot.deposits[f"{axis}_{end}"]
                assert np.all((place >= low) & (place <= high))
