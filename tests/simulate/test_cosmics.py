"""Cosmic muons: where, where to, how fast, how many."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.config.simulate import SimulateConfig, SoftCosmics
from nuweave.simulate.cosmics import SOFT, draw_cosmics, draw_muon, draw_soft
from tests.simulate.shoot import SBND_CM

RNG_SEED = 3


def test_muons_start_on_the_surface_and_go_in_and_down() -> None:
    rng = np.random.default_rng(RNG_SEED)
    for _ in range(500):
        muon = draw_muon(SBND_CM, 2560.0, rng)
        assert np.linalg.norm(muon.direction) == pytest.approx(1)
        assert muon.direction[1] < 0
        place = np.array(muon.place[:3])
        on_face = np.isclose(place, SBND_CM[:, 0]) | np.isclose(place, SBND_CM[:, 1])
        assert on_face.any()
        inside = place + 1e-6 * np.array(muon.direction)
        assert np.all((inside >= SBND_CM[:, 0]) & (inside <= SBND_CM[:, 1]))
        assert abs(muon.place[3]) <= 1280


def test_angles_energies_and_charges_are_those_at_sea_level() -> None:
    rng = np.random.default_rng(RNG_SEED)
    flat = np.array([[-500.0, 500.0], [-0.5, 0.5], [-500.0, 500.0]])  # all enter from above: cos^3 in the cosine
    muons = [draw_muon(flat, 1.0, rng) for _ in range(4000)]
    assert np.mean([-muon.direction[1] for muon in muons]) == pytest.approx(0.8, abs=0.01)
    assert np.median([muon.kinetic for muon in muons]) == pytest.approx(2500, rel=0.25)
    assert np.mean([muon.pdg == -13 for muon in muons]) == pytest.approx(1.27 / 2.27, abs=0.03)


def test_a_tall_box_is_entered_by_its_sides() -> None:
    """Through the top of a 4 m cube pass 70 * 16 * pi/2, through the sides 70 * 32 * pi/4: as many."""
    cube = np.array([[0.0, 400.0]] * 3)
    rng = np.random.default_rng(RNG_SEED)
    top = [draw_muon(cube, 1.0, rng).place[1] == 400 for _ in range(4000)]
    assert np.mean(top) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("kind", list(SOFT))
def test_soft_cosmics_come_from_above_with_the_energies_of_their_kind(kind: str) -> None:
    rng = np.random.default_rng(RNG_SEED)
    codes, (low, high), power = SOFT[kind]
    found = [draw_soft(kind, SBND_CM, 2560.0, rng) for _ in range(2000)]
    assert {one.pdg for one in found} == set(codes)
    energies = np.array([one.kinetic for one in found])
    assert low <= energies.min() < energies.max() <= high
    median = np.sqrt(low * high) if power == 1 else 2 / (1 / low + 1 / high)  # of 1/T and of 1/T^2
    assert np.median(energies) == pytest.approx(median, rel=0.12)
    assert all(one.direction[1] < 0 for one in found)


def test_numbers_of_cosmics_are_those_of_the_settings() -> None:
    rng = np.random.default_rng(RNG_SEED)
    settings = SimulateConfig(cosmic_rate_khz=1.0, soft_cosmics=SoftCosmics(photons=2.0, neutrons=3.0))
    found = [one.pdg for _ in range(300) for one in draw_cosmics(SBND_CM, settings, rng)]
    counts = [sum(abs(pdg) == kind for pdg in found) / 300 for kind in (13, 22, 2112, 11, 2212)]
    assert counts == pytest.approx([2.56, 2.0, 3.0, 0.0, 0.0], abs=0.3)
