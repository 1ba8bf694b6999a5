"""Ionisation in a medium, and what becomes of the charge in liquid argon: pure functions of numpy arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nuweave.physics import constants as lar
from nuweave.physics.medium import LIQUID_ARGON, Medium

Floats = NDArray[np.float64]

MODBOX_PEAK_XI = 0.4675  # solves ln(alpha + xi) = xi / (alpha + xi): the model peaks here


def density_effect(beta_gamma: ArrayLike, medium: Medium = LIQUID_ARGON) -> Floats:
    """Density correction delta of the Bethe formula.

    Args:
        beta_gamma: momentum over mass.
        medium: what is crossed.
    Source: Sternheimer's parametrisation; the media are no conductors, so delta = 0 below x0.
    """
    x = np.log10(np.asarray(beta_gamma, np.float64))
    effect = medium.density_effect
    linear = 2 * np.log(10) * x - effect.c
    bend = effect.a * np.maximum(effect.x1 - x, 0) ** effect.m
    return np.where(x < effect.x0, 0.0, linear + bend)


def largest_transfer_mev(kinetic_mev: ArrayLike, mass_mev: float) -> Floats:
    """Largest energy that a heavy particle can give to a free electron in one collision [MeV].

    Source: PDG, "Passage of particles through matter", W_max.
    """
    gamma = 1 + np.asarray(kinetic_mev, np.float64) / mass_mev
    ratio = lar.ELECTRON_MASS_MEV / mass_mev
    return np.asarray(2 * lar.ELECTRON_MASS_MEV * (gamma**2 - 1) / (1 + 2 * gamma * ratio + ratio**2))


def dedx_mev_cm(
    kinetic_mev: ArrayLike,
    mass_mev: float,
    *,
    medium: Medium = LIQUID_ARGON,
    cut_mev: float = np.inf,
    largest_mev: ArrayLike | None = None,
) -> Floats:
    """Mean ionisation loss of a singly charged particle [MeV/cm]; radiation is not included.

    Args:
        kinetic_mev: kinetic energy [MeV].
        mass_mev: mass [MeV].
        medium: what is crossed.
        cut_mev: only collisions that transfer less than this count (the restricted loss) [MeV].
        largest_mev: largest transfer where it is not that of a heavy particle (T/2 for electrons) [MeV].
    Source: PDG, Bethe equation and restricted energy loss.
    """
    kinetic = np.asarray(kinetic_mev, np.float64)
    gamma = 1 + kinetic / mass_mev
    beta_gamma2 = gamma**2 - 1
    beta2 = beta_gamma2 / gamma**2
    largest = largest_transfer_mev(kinetic, mass_mev) if largest_mev is None else np.asarray(largest_mev, np.float64)
    cut = np.minimum(cut_mev, largest)
    logarithm = np.log(2 * lar.ELECTRON_MASS_MEV * beta_gamma2 * cut / medium.excitation_energy_mev**2)
    number = logarithm - beta2 * (1 + cut / largest) - density_effect(np.sqrt(beta_gamma2), medium)
    return np.asarray(collision_scale_mev_cm(medium) / beta2 * np.maximum(number, 0))


def collision_scale_mev_cm(medium: Medium) -> float:
    """xi / x of the PDG for a particle of unit charge and beta = 1: 0.5 K Z/A rho [MeV/cm]."""
    return 0.5 * lar.BETHE_K_MEV_CM2_MOL * medium.z_over_a_mol_g * medium.density_g_cm3


def csda_range_cm(
    kinetic_mev: float, mass_mev: float, *, medium: Medium = LIQUID_ARGON, start_mev: float = 1.0
) -> float:
    """Range of a particle that loses energy continuously [cm], down to `start_mev` (from there on it is below 1 mm)."""
    kinetic = np.geomspace(start_mev, kinetic_mev, 2000)
    return float(np.trapezoid(1 / dedx_mev_cm(kinetic, mass_mev, medium=medium), kinetic))


def recombination_modbox(dedx_mev_cm: ArrayLike, field_kv_cm: float) -> Floats:
    """Share of the ionisation electrons that escape recombination in liquid argon, 0 to 1.

    Args:
        dedx_mev_cm: energy loss a length [MeV/cm]. The model was fitted above 1.8 MeV/cm; below its peak (1.5 MeV/cm at
            0.5 kV/cm) it would fall to 0, so the peak value is kept there.
        field_kv_cm: drift field [kV/cm].
    Source: Modified Box model, ArgoNeuT (1306.1712).
    """
    xi = lar.MODBOX_BETA_KV_G_CM3_MEV / (LIQUID_ARGON.density_g_cm3 * field_kv_cm) * np.asarray(dedx_mev_cm, np.float64)
    xi = np.maximum(xi, MODBOX_PEAK_XI)
    return np.asarray(np.log(lar.MODBOX_ALPHA + xi) / xi)


def quenching_birks(dedx_mev_cm: ArrayLike, medium: Medium) -> Floats:
    """Light of a scintillator relative to that of the same energy at low ionisation density, 0 to 1.

    Args:
        dedx_mev_cm: energy loss a length [MeV/cm].
        medium: the scintillator, for its density.
    Source: Birks, Proc. Phys. Soc. A 64 (1951) 874, with kB of organic scintillators (see constants).
    """
    mass_loss = np.asarray(dedx_mev_cm, np.float64) / medium.density_g_cm3
    return np.asarray(1 / (1 + lar.BIRKS_G_CM2_MEV * mass_loss))


def drift_velocity_cm_us(field_kv_cm: float, temperature_k: float = lar.TEMPERATURE_K) -> float:
    """Drift velocity of electrons in liquid argon [cm/us].

    Args:
        field_kv_cm: drift field [kV/cm].
        temperature_k: temperature of the argon [K].
    Source: mobility of Walkowiak as fitted by Li et al. (see constants).
    """
    a0, a1, a2, a3, a4, a5 = lar.MOBILITY_A
    field = field_kv_cm
    numerator = a0 + a1 * field + a2 * field**1.5 + a3 * field**2.5
    denominator = 1 + a1 / a0 * field + a4 * field**2 + a5 * field**3
    mobility_cm2_v_s = numerator / denominator * (temperature_k / lar.MOBILITY_REFERENCE_K) ** -1.5
    return float(mobility_cm2_v_s * field_kv_cm * 1e3 * 1e-6)
