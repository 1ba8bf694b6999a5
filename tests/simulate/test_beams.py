"""Beams: spectra, flavours and modes are what their tables say."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.config.simulate import ModeWeights, SimulateConfig
from nuweave.simulate.beams import BEAMS, draw_energy, draw_neutrino, mode_shares


@pytest.mark.parametrize(("name", "peak", "mean"), [("bnb", 0.65, 0.80), ("lbnf", 2.5, 2.9)])
def test_flux_peaks_and_has_its_mean_where_the_beams_do(name: str, peak: float, mean: float) -> None:
    beam = BEAMS[name]
    assert (beam.shape - 1) * beam.scale_gev == pytest.approx(peak, rel=0.02)
    assert beam.shape * beam.scale_gev == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize("name", BEAMS)
def test_shares_add_up_to_one(name: str) -> None:
    assert sum(BEAMS[name].flux.values()) == pytest.approx(1)
    assert sum(BEAMS[name].modes.values()) == pytest.approx(1)


def test_energies_lie_in_the_range_of_the_beam_and_rise_with_the_cross_section() -> None:
    rng = np.random.default_rng(0)
    energies = {mode: np.array([draw_energy(BEAMS["bnb"], mode, rng) for _ in range(2000)]) for mode in ("QES", "DIS")}
    for drawn in energies.values():
        assert 200.0 < drawn.min() < drawn.max() < 3000.0
    assert energies["QES"].mean() < energies["DIS"].mean()
    assert energies["DIS"].mean() == pytest.approx(800 * (1 + 1 / 5.33), rel=0.03)  # of E times a gamma shape


def test_flux_is_muon_neutrinos_with_a_few_others_and_two_sevenths_neutral_currents() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_neutrino(SimulateConfig(flavours="flux"), BEAMS["bnb"], rng) for _ in range(20000)]
    codes = np.array([pdg for pdg, _ in drawn])
    assert np.mean(codes == 14) == pytest.approx(0.936 / (0.941 + 0.4 * 0.059), abs=0.005)
    assert np.mean(codes == -14) == pytest.approx(0.4 * 0.058 / 0.965, abs=0.004)
    assert np.mean(np.abs(codes) == 12) == pytest.approx(0.0056, abs=0.002)
    assert np.mean([not is_cc for _, is_cc in drawn]) == pytest.approx(0.4 / 1.4, abs=0.01)


def test_modes_are_the_weights_that_are_given_or_those_of_the_beam() -> None:
    only = ModeWeights(qes=0, mec=0, res=3, dis=1, coh=0)
    shares = mode_shares(SimulateConfig(modes=only), BEAMS["bnb"])
    assert shares == {"QES": 0, "MEC": 0, "RES": 0.75, "DIS": 0.25, "COH": 0}
    assert mode_shares(SimulateConfig(modes="beam"), BEAMS["lbnf"]) == pytest.approx(BEAMS["lbnf"].modes)
