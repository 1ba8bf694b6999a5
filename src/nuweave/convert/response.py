"""From deposited energy to the electrons that arrive at the readout: pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nuweave.config.convert import ResponseConfig
from nuweave.convert.event import Deposits
from nuweave.physics.constants import IONISATION_WORK_EV
from nuweave.physics.energy_loss import drift_velocity_cm_us, quenching_birks, recombination_modbox
from nuweave.physics.medium import Medium


def ionisation_electrons(deposits: Deposits, settings: ResponseConfig, medium: Medium) -> NDArray[np.float64]:
    """float64[N], electrons that escape recombination; of a scintillator, its light in the same unit."""
    number_N = deposits.energy_mev_N * 1e6 / IONISATION_WORK_EV
    if settings.quenching == "modbox":
        return number_N * recombination_modbox(deposits.dedx_mev_cm_N, settings.electric_field_kv_cm)
    if settings.quenching == "birks":
        return number_N * quenching_birks(deposits.dedx_mev_cm_N, medium)
    return number_N


def drift_time_us(drift_cm_N: NDArray[np.float64], settings: ResponseConfig) -> NDArray[np.float64]:
    """float64[N], time to drift a distance."""
    return drift_cm_N / drift_velocity_cm_us(settings.electric_field_kv_cm)


def surviving_share(drift_time_us_N: NDArray[np.float64], settings: ResponseConfig) -> NDArray[np.float64]:
    """float64[N], share of the electrons that impurities leave after a drift time."""
    return np.exp(-drift_time_us_N / (1000.0 * settings.electron_lifetime_ms))


def diffusion_cm(drift_time_us_N: NDArray[np.float64], coefficient_cm2_s: float) -> NDArray[np.float64]:
    """float64[N], standard deviation of a cloud of electrons after a drift time: sqrt(2 D t)."""
    return np.sqrt(2.0 * coefficient_cm2_s * 1e-6 * drift_time_us_N)
