"""The nucleus: nucleons below the Fermi momentum, no energy gained on the way out."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.physics.constants import CHARGED_PION_MASS_MEV, PROTON_MASS_MEV
from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL, Medium
from nuweave.simulate.kinematics import with_kinetic
from nuweave.simulate.nucleus import Particle, cool_down, draw_nucleon, leave_nucleus, pauli_blocked

ARGON = LIQUID_ARGON.nucleus
ALONG_Z = np.array([0.0, 0.0, 1.0])


def test_bound_nucleons_move_slower_than_the_fermi_momentum() -> None:
    rng = np.random.default_rng(0)
    nucleons = [draw_nucleon(2212, ARGON, rng) for _ in range(1000)]
    momenta = np.array([np.linalg.norm(vector[:3]) for vector, _ in nucleons])
    surfaces = np.array([surface for _, surface in nucleons])
    assert np.all(momenta <= surfaces)
    assert surfaces.max() <= ARGON.fermi_momentum_mev


def test_slow_nucleons_are_pauli_blocked() -> None:
    slow, fast = (with_kinetic(ALONG_Z, kinetic, PROTON_MASS_MEV) for kinetic in (10.0, 60.0))
    assert pauli_blocked([fast, slow], 251.0)
    assert not pauli_blocked([fast], 251.0)


@pytest.mark.parametrize("pdg", [2212, 2112])
def test_nucleons_lose_energy_or_keep_it(pdg: int) -> None:
    rng = np.random.default_rng(0)
    alone = 0
    for _ in range(500):
        out = leave_nucleus([Particle(pdg, with_kinetic(ALONG_Z, 200.0, PROTON_MASS_MEV))], ARGON, rng)
        assert sum(particle.kinetic for particle in out) <= 202
        alone += len(out) == 1
    assert alone / 500 == pytest.approx(0.5, abs=0.06)


def test_a_quarter_of_the_pions_is_absorbed_and_few_change_charge() -> None:
    rng = np.random.default_rng(0)
    before = Particle(211, with_kinetic(ALONG_Z, 200.0, CHARGED_PION_MASS_MEV))
    after = [leave_nucleus([before], ARGON, rng) for _ in range(2000)]
    pions = [[particle.pdg for particle in out if particle.pdg in (211, -211, 111)] for out in after]
    assert np.mean([not one for one in pions]) == pytest.approx(0.25, abs=0.03)
    assert np.mean([one == [111] for one in pions]) == pytest.approx(0.05, abs=0.015)
    assert max(sum(particle.kinetic for particle in out) for out in after) <= 200 + CHARGED_PION_MASS_MEV


@pytest.mark.parametrize("medium", [LIQUID_ARGON, MINERAL_OIL])
def test_a_nucleus_cools_by_slow_nucleons_and_photons_of_no_more_than_its_binding_energy(medium: Medium) -> None:
    rng = np.random.default_rng(0)
    found = [cool_down(medium.nucleus, rng) for _ in range(2000)]
    assert max(sum(particle.kinetic for particle in out) for out in found) <= medium.nucleus.binding_mev
    assert {particle.pdg for out in found for particle in out} == {22, 2112, 2212}
    photons = [particle.kinetic for out in found for particle in out if particle.pdg == 22]
    assert np.mean([any(particle.pdg == 22 for particle in out) for out in found]) > 0.5
    assert 1.0 < np.median(photons) < 4.0
