"""Muons and protons lose energy and stop as the Bethe formula says."""

from __future__ import annotations

import pytest

from nuweave.physics.constants import MUON_MASS_MEV, PROTON_MASS_MEV
from nuweave.physics.energy_loss import csda_range_cm, dedx_mev_cm
from nuweave.validate import tracks
from nuweave.validate.tracks import DEDX_MEV_CM, MUON, PROTON, RANGE_CM, check_tracks, measure_dedx, measure_range

MASSES = {MUON: MUON_MASS_MEV, PROTON: PROTON_MASS_MEV}


@pytest.mark.parametrize(
    ("pdg", "kinetic"), [(pdg, kinetic) for pdg, table in DEDX_MEV_CM.items() for kinetic in table]
)
def test_expected_losses_are_those_of_our_formula(pdg: int, kinetic: int) -> None:
    assert float(dedx_mev_cm(kinetic, MASSES[pdg])) == pytest.approx(DEDX_MEV_CM[pdg][kinetic], rel=0.005)


@pytest.mark.parametrize(("pdg", "kinetic"), [(pdg, kinetic) for pdg, table in RANGE_CM.items() for kinetic in table])
def test_expected_ranges_are_those_of_our_formula(pdg: int, kinetic: int) -> None:
    assert csda_range_cm(kinetic, MASSES[pdg]) == pytest.approx(RANGE_CM[pdg][kinetic], rel=0.015)


def test_a_loss_that_is_four_percent_off_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "MOST_SHOTS", 2000)
    right = measure_dedx(PROTON, 100, 7.29, seed=1)
    assert (right.quantity, right.unit, right.held) == ("dE/dx of protons of 100 MeV", "MeV/cm", True)
    assert right.value == pytest.approx(7.29, rel=0.01)
    assert measure_dedx(PROTON, 100, 7.29 * 1.04, seed=1).held is False


def test_protons_that_meet_a_nucleus_do_not_shorten_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "NUM_RANGES", 60)
    row = measure_range(PROTON, 200, 25.9, seed=1)  # about one in four does
    assert row.value == pytest.approx(25.9, rel=0.01)
    assert row.held


def test_there_is_a_row_for_every_expected_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "MOST_SHOTS", 100)
    monkeypatch.setattr(tracks, "NUM_RANGES", 4)
    rows = check_tracks(seed=1).rows
    assert len(rows) == len({row.quantity for row in rows}) == 17
    assert {row.check for row in rows} == {"tracks"}
