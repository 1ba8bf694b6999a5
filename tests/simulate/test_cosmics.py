"""Cosmic muons: where, where to, how fast, how many."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.simulate.cosmics import draw_muon
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
