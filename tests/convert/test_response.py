"""Charge of one step, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.config.convert import ResponseConfig
from nuweave.convert.response import diffusion_cm, drift_time_us, ionisation_electrons, surviving_share
from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL
from tests.convert.handmade import deposits

SETTINGS = ResponseConfig()


def test_a_minimum_ionising_step_across_one_wire_gives_19000_electrons() -> None:
    step = deposits(((10.0, 0, 0), (10.0, 0, 0.3)))
    assert ionisation_electrons(step, SETTINGS, LIQUID_ARGON) == pytest.approx([2.1 * 0.3 * 0.705 / 23.6e-6], rel=2e-3)


def test_denser_ionisation_recombines_more() -> None:
    step = deposits(((10.0, 0, 0), (10.0, 0, 0.3)))
    dense = type(step)(**{**vars(step), "dedx_mev_cm_N": np.array([20.0])})
    assert ionisation_electrons(dense, SETTINGS, LIQUID_ARGON) == pytest.approx([2.1 * 0.3 * 0.320 / 23.6e-6], rel=5e-3)


def test_a_scintillator_loses_light_by_birks_law_and_quenching_can_be_left_out() -> None:
    """Ten times the density in MeV cm2/g: 1 / (1 + 0.0126 * 10)."""
    step = deposits(((10.0, 0, 0), (10.0, 0, 0.3)))
    dense = type(step)(**{**vars(step), "dedx_mev_cm_N": np.array([10 * MINERAL_OIL.density_g_cm3])})
    whole = 2.1 * 0.3 / 23.6e-6
    for quenching, share in (("birks", 1 / 1.126), ("none", 1.0)):
        settings = ResponseConfig.model_validate({"quenching": quenching})
        assert ionisation_electrons(dense, settings, MINERAL_OIL) == pytest.approx([share * whole])


def test_the_full_drift_of_two_metres_takes_a_good_millisecond() -> None:
    assert drift_time_us(np.array([0.0, 200.0]), SETTINGS) == pytest.approx([0.0, 1250.0], rel=0.03)


def test_after_one_lifetime_a_share_of_1_over_e_survives() -> None:
    assert surviving_share(np.array([0.0, 10_000.0]), SETTINGS) == pytest.approx([1.0, np.exp(-1)])


def test_diffusion_grows_with_the_root_of_time() -> None:
    assert diffusion_cm(np.array([0.0, 1250.0, 5000.0]), 12.0) == pytest.approx([0.0, 0.173, 0.346], rel=2e-3)
