"""Interactions: shares follow the weights, charge is conserved, no energy is made."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nuweave.config.simulate import FlavourWeights, SimulateConfig
from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL
from nuweave.simulate.beams import BEAMS
from nuweave.simulate.interactions import Interaction, draw_interaction

ARGON = LIQUID_ARGON.nucleus
EXCITED_MEV = 9.0  # photons of the nucleus: energy that its binding energy gives
MODES = BEAMS["bnb"].modes
BOOSTER = SimulateConfig(modes="beam")
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
    return [draw_interaction(settings, ARGON, rng) for _ in range(num)]


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


def test_modes_with_a_threshold_sit_higher_in_the_beam(interactions: list[Interaction]) -> None:
    energies = {mode: np.mean([one.neutrino.momentum[3] for one in interactions if one.mode == mode]) for mode in MODES}
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
        assert visible <= one.neutrino.momentum[3] + 5 + (EXCITED_MEV if one.mode != "COH" else 0)
        assert all(particle.kinetic > -1e-6 for particle in one.final)


def test_every_class_is_there_in_useful_numbers(interactions: list[Interaction]) -> None:
    protons = np.array([sum(p.pdg == 2212 and p.kinetic > 20 for p in one.final) for one in interactions])
    charged = np.array([sum(abs(p.pdg) == 211 for p in one.final) for one in interactions])
    neutral = np.array([sum(p.pdg == 111 for p in one.final) for one in interactions])
    assert min(np.mean(protons == 0), np.mean(protons == 1), np.mean(protons >= 2)) > 0.15
    assert np.mean(charged > 0) > 0.12
    assert np.mean(neutral > 0) > 0.08


def test_a_mode_that_the_beam_never_reaches_gives_way_to_quasielastic_scattering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BEAMS, "bnb", BEAMS["bnb"]._replace(energy_gev=(0.2, 0.5), modes={"DIS": 1.0}))
    assert {one.mode for one in draw(5, BOOSTER)} == {"QES"}


def test_what_a_neutrino_hits_is_the_nucleus_of_the_medium() -> None:
    rng = np.random.default_rng(0)
    carbon = [draw_interaction(BOOSTER, MINERAL_OIL.nucleus, rng) for _ in range(300)]
    struck = [one.final[1].pdg for one in carbon if one.mode == "QES" and not one.is_cc and len(one.final) > 1]
    assert np.mean([pdg == 2212 for pdg in struck]) == pytest.approx(0.5, abs=0.2)  # 6 of 12, argon 18 of 40
