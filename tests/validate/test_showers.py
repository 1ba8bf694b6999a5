"""The start of a shower is cut out right, and its peak is found."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.simulate.tracks import CONVERSION, DEPOSIT, TRACK
from nuweave.validate import showers
from nuweave.validate.shoot import Shots
from nuweave.validate.showers import ELECTRON, PHOTON, check_showers, peak, shower_start


def shot(pdg: int, *, end_process: int = 0, end_cm: float = 0.0) -> Shots:
    """Deposits of 2 MeV at 0.5, 2.3, 2.5 and 10.5 cm along z, the second 0.9 cm off the axis, and one 1.1 cm off."""
    tracks = np.zeros(1, TRACK)
    tracks["pdg"], tracks["end_process"], tracks["z"], tracks["length"] = pdg, end_process, end_cm, end_cm
    deposits = np.zeros(5, DEPOSIT)
    deposits["energy"] = 2.0
    deposits["x_start"] = deposits["x_end"] = [0.0, 0.9, 0.0, 0.0, 1.1]
    places = np.array([0.5, 2.3, 2.5, 10.5, 0.5])
    deposits["z_start"], deposits["z_end"] = places - 0.1, places + 0.1
    return Shots(tracks, deposits)


def test_the_shower_of_an_electron_starts_where_it_does() -> None:
    assert shower_start(shot(ELECTRON, end_cm=30.0)) == pytest.approx((4.0 / 2.4, 0.0))


def test_the_shower_of_a_photon_starts_where_it_converts() -> None:
    assert shower_start(shot(PHOTON, end_process=CONVERSION, end_cm=10.0)) == pytest.approx((2.0 / 2.4, 10.0))


def test_a_photon_that_does_not_convert_has_no_start() -> None:
    assert shower_start(shot(PHOTON, end_process=0, end_cm=10.0)) is None


def test_a_peak_is_where_most_are_not_where_the_mean_is() -> None:
    rng = np.random.default_rng(1)
    sample = np.concatenate([rng.normal(2.0, 0.2, 800), rng.uniform(2.0, 7.0, 200)])
    assert peak(sample) == pytest.approx(2.0, abs=0.05)
    assert sample.mean() > 2.4


def test_electrons_and_photons_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showers, "NUM_ELECTRONS", 150)
    monkeypatch.setattr(showers, "NUM_PHOTONS", 300)
    found = check_showers(seed=1)
    one, two, gap = found.rows
    assert one.value == pytest.approx(1.0, abs=0.15)
    assert two.value == pytest.approx(2.0, abs=0.3)
    assert gap.value == pytest.approx(18.0, abs=3.5)  # 18 cm / sqrt(300) = 1 cm
    assert [(figure.name, figure.label) for figure in found.figures] == [
        ("shower_start", "electrons"), ("shower_start", "photons"), ("photon_gap", "photons"),
    ]  # fmt: skip
    for figure in found.figures:
        assert len(figure.bins) == len(figure.counts) + 1
        assert sum(figure.counts) == pytest.approx(1.0, abs=0.03)
    assert sum(found.figures[2].reference or ()) == pytest.approx(1 - np.exp(-100 / 18))
