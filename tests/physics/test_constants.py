"""The numbers agree with the PDG tables that the `particle` package carries, and with each other."""

from __future__ import annotations

import pytest
from particle import Particle

from nuweave.physics import constants as lar


@pytest.mark.parametrize("pdg", sorted(set(lar.MASS_MEV) - {12, 14, 16}))
def test_masses_are_those_of_the_pdg(pdg: int) -> None:
    assert lar.MASS_MEV[pdg] == pytest.approx(Particle.from_pdgid(pdg).mass, rel=1e-6)


def test_lifetimes_are_those_of_the_pdg() -> None:
    assert pytest.approx(Particle.from_pdgid(13).lifetime * 1e-3, rel=1e-4) == lar.MUON_LIFETIME_US
    assert pytest.approx(Particle.from_pdgid(211).lifetime * 1e-3, rel=1e-4) == lar.CHARGED_PION_LIFETIME_US
