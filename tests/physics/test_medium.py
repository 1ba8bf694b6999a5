"""Media: numbers that follow from others agree with them."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.physics.constants import MUON_LIFETIME_US, MUON_MASS_MEV, PROTON_MASS_MEV
from nuweave.physics.energy_loss import csda_range_cm, dedx_mev_cm, quenching_birks
from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL, Medium


def test_radiation_lengths_are_14_cm_of_argon_and_38_cm_of_oil() -> None:
    assert LIQUID_ARGON.radiation_length_cm == pytest.approx(14.0, abs=0.01)
    assert MINERAL_OIL.radiation_length_cm == pytest.approx(38.0)


@pytest.mark.parametrize("medium", [LIQUID_ARGON, MINERAL_OIL])
def test_moliere_radius_follows_from_radiation_length_and_energy_loss(medium: Medium) -> None:
    """R_M = 21.2 MeV X0 / Ec with Rossi's Ec = X0 dE/dx, so R_M = 21.2 MeV / (dE/dx); PDG."""
    least = dedx_mev_cm(np.geomspace(100, 1000, 100), MUON_MASS_MEV, medium=medium).min()
    assert 21.2 / least == pytest.approx(medium.moliere_radius_cm, rel=0.15)


def test_least_loss_of_a_muon_in_oil_is_that_of_polyethylene() -> None:
    """2.08 MeV cm2/g, PDG."""
    least = dedx_mev_cm(np.geomspace(100, 1000, 100), MUON_MASS_MEV, medium=MINERAL_OIL).min()
    assert least / 0.86 == pytest.approx(2.08, rel=0.01)


def test_protons_go_farther_in_oil() -> None:
    argon, oil = (csda_range_cm(100, PROTON_MASS_MEV, medium=medium) for medium in (LIQUID_ARGON, MINERAL_OIL))
    assert argon == pytest.approx(7.8, rel=0.01)
    assert oil == pytest.approx(7.2 / 0.86, rel=0.03)  # 7.2 g/cm2 of polyethylene, PSTAR


def test_argon_captures_three_quarters_of_stopped_muons_and_carbon_a_twelfth() -> None:
    captured = [1 - medium.muon_minus_lifetime_us / MUON_LIFETIME_US for medium in (LIQUID_ARGON, MINERAL_OIL)]
    assert captured == pytest.approx([0.73, 0.08], abs=0.01)


def test_light_of_dense_ionisation_is_quenched_as_birks_says() -> None:
    """kB 0.0126 g/cm2/MeV: 1 MeV cm2/g loses 1.2 %, 79.4 MeV cm2/g half."""
    assert quenching_birks([0.86, 79.37 * 0.86], MINERAL_OIL) == pytest.approx([0.9876, 0.5], abs=1e-3)
