"""Energy loss, range, recombination and drift velocity against published numbers for liquid argon."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.physics.constants import MUON_MASS_MEV, PROTON_MASS_MEV
from nuweave.physics.energy_loss import (
    csda_range_cm,
    dedx_mev_cm,
    density_effect,
    drift_velocity_cm_us,
    largest_transfer_mev,
    recombination_modbox,
)


@pytest.mark.parametrize(("kinetic", "expected"), [(20, 4.89), (100, 2.33), (300, 2.11), (1000, 2.29), (4000, 2.60)])
def test_muon_loss(kinetic: float, expected: float) -> None:
    assert dedx_mev_cm(kinetic, MUON_MASS_MEV) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("kinetic", "expected"), [(20, 25.3), (50, 12.3), (100, 7.29), (300, 3.57)])
def test_proton_loss(kinetic: float, expected: float) -> None:
    assert dedx_mev_cm(kinetic, PROTON_MASS_MEV) == pytest.approx(expected, rel=0.003)


@pytest.mark.parametrize(
    ("mass", "kinetic", "expected"),
    [
        (MUON_MASS_MEV, 100, 30),
        (MUON_MASS_MEV, 200, 76),
        (MUON_MASS_MEV, 500, 218),
        (PROTON_MASS_MEV, 100, 7.8),
        (PROTON_MASS_MEV, 200, 25.9),
    ],
)
def test_range(mass: float, kinetic: float, expected: float) -> None:
    assert csda_range_cm(kinetic, mass) == pytest.approx(expected, rel=0.02)


def test_restricted_loss_is_the_whole_loss_less_the_hard_collisions() -> None:
    """Rutherford's 1/T^2 between cut and largest transfer, integrated by hand, is what the cut takes away."""
    kinetic, cut = 1000.0, 1.0
    largest = float(largest_transfer_mev(kinetic, MUON_MASS_MEV))
    beta2 = 1 - (1 + kinetic / MUON_MASS_MEV) ** -2
    transfers = np.geomspace(cut, largest, 20000)
    rate = 0.5 * 0.307075 * 0.45059 * 1.396 / beta2 * (1 - beta2 * transfers / largest) / transfers**2
    hard = np.trapezoid(rate * transfers, transfers)
    whole = dedx_mev_cm(kinetic, MUON_MASS_MEV)
    assert whole - dedx_mev_cm(kinetic, MUON_MASS_MEV, cut_mev=cut) == pytest.approx(hard, rel=1e-4)


def test_density_effect_starts_at_x0_and_is_smooth_at_x1() -> None:
    below, above = density_effect([10**0.199, 10**3.001])
    assert below == 0
    assert above == pytest.approx(2 * np.log(10) * 3.001 - 5.2146, abs=1e-4)
    assert density_effect(10**2.999) == pytest.approx(above, abs=0.02)


@pytest.mark.parametrize(("dedx", "expected"), [(2.1, 0.705), (5, 0.590), (10, 0.454), (20, 0.320)])
def test_recombination_at_nominal_field(dedx: float, expected: float) -> None:
    assert recombination_modbox(dedx, 0.5) == pytest.approx(expected, abs=0.001)


def test_recombination_never_rises_with_ionisation_and_falls_with_lower_field() -> None:
    share = recombination_modbox(np.linspace(0, 50, 500), 0.5)
    assert np.all(np.diff(share) <= 0)
    assert 0 < share[-1] < share[0] < 0.72
    assert recombination_modbox(5.0, 0.273) < recombination_modbox(5.0, 0.5)


def test_drift_velocity_is_1_6_mm_a_microsecond() -> None:
    assert drift_velocity_cm_us(0.5, 87.0) == pytest.approx(0.160, abs=0.001)
    assert drift_velocity_cm_us(0.5, 89.0) < drift_velocity_cm_us(0.5)
