"""Interactions: shares follow the weights, charge is conserved, no energy is made."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nuweave.config.simulate import FlavourWeights, ModeWeights, SimulateConfig
from nuweave.simulate.interactions import Interaction, draw_interaction

MODES = {"QES": 0.52, "MEC": 0.13, "RES": 0.28, "DIS": 0.06, "COH": 0.01}
BOOSTER = SimulateConfig(modes=ModeWeights(**{mode.lower(): w for mode, w in MODES.items()}), mean_energy_gev=0.9)
CODES = {
    ("QES", True): {1001},
    ("QES", False): {1002},
    ("MEC", True): {1100},
    ("MEC", False): {1100},
    ("RES", True): {1003, 1004, 1005, 1010, 1011, 1012},
    ("RES", False): {1006, 1007, 1008, 1009, 1013, 1014, 1015, 1016},
    ("DIS", True): {1091},
    ("DIS", False): {1092},
    ("COH", True): {1097},
    ("COH", False): {1096},
}


def draw(num: int, settings: SimulateConfig, seed: int = 0) -> list[Interaction]:
    rng = np.random.default_rng(seed)
    return [draw_interaction(settings, rng) for _ in range(num)]


@pytest.fixture(scope="module")
def interactions() -> list[Interaction]:
    return draw(3000, BOOSTER)


def test_shares_of_flavours_follow_the_weights() -> None:
    settings = SimulateConfig(flavours=FlavourWeights(nue_cc=1, numu_cc=2, nc=1), antineutrino_fraction=0.25)
    found = draw(2000, settings)
    kinds = Counter("nc" if not one.is_cc else abs(one.neutrino.pdg) for one in found)
    assert kinds[12] / 2000 == pytest.approx(0.25, abs=0.04)
    assert kinds[14] / 2000 == pytest.approx(0.5, abs=0.04)
    assert kinds["nc"] / 2000 == pytest.approx(0.25, abs=0.04)
    assert np.mean([one.neutrino.pdg < 0 for one in found]) == pytest.approx(0.25, abs=0.04)


def test_a_weight_of_zero_gives_none() -> None:
    found = draw(100, SimulateConfig(flavours=FlavourWeights(nue_cc=0, numu_cc=1, nc=0)))
    assert {(abs(one.neutrino.pdg), one.is_cc) for one in found} == {(14, True)}


def test_modes_follow_the_table_and_have_the_codes_of_larsoft(interactions: list[Interaction]) -> None:
    modes = Counter(one.mode for one in interactions)
    for mode, share in MODES.items():
        assert modes[mode] / len(interactions) == pytest.approx(share, abs=0.03)
    for one in interactions:
        assert one.reaction in CODES[one.mode, one.is_cc]


def test_mean_energy_is_about_what_was_asked(interactions: list[Interaction]) -> None:
    """Quasi-elastic has hardly a threshold; the other modes sit higher."""
    energies = {mode: np.mean([one.neutrino.momentum[3] for one in interactions if one.mode == mode]) for mode in MODES}
    assert energies["QES"] == pytest.approx(900, rel=0.07)
    assert energies["QES"] < energies["RES"] < energies["DIS"]


def test_lepton_comes_first_and_is_of_the_right_kind(interactions: list[Interaction]) -> None:
    for one in interactions:
        neutrino, lepton = one.neutrino.pdg, one.final[0].pdg
        assert lepton == (neutrino if not one.is_cc else neutrino - np.sign(neutrino))


def test_no_energy_is_made_but_the_mass_difference_of_the_nucleons(interactions: list[Interaction]) -> None:
    for one in interactions:
        visible = sum(
            particle.kinetic if abs(particle.pdg) in (2112, 2212) else particle.momentum[3] for particle in one.final
        )
        assert visible <= one.neutrino.momentum[3] + 5
        assert all(particle.kinetic > -1e-6 for particle in one.final)


def test_every_class_is_there_in_useful_numbers(interactions: list[Interaction]) -> None:
    protons = np.array([sum(p.pdg == 2212 and p.kinetic > 20 for p in one.final) for one in interactions])
    charged = np.array([sum(abs(p.pdg) == 211 for p in one.final) for one in interactions])
    neutral = np.array([sum(p.pdg == 111 for p in one.final) for one in interactions])
    assert min(np.mean(protons == 0), np.mean(protons == 1), np.mean(protons >= 2)) > 0.15
    assert np.mean(charged > 0) > 0.12
    assert np.mean(neutral > 0) > 0.08


def test_a_beam_too_soft_for_resonances_still_interacts() -> None:
    found = draw(20, SimulateConfig(mean_energy_gev=0.21))
    assert all(one.neutrino.momentum[3] > 200 for one in found)
