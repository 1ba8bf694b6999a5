"""What is deposited is found in the voxels, and a loss would be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.physics.detectors import CUBE
from nuweave.validate.voxels import QUIET, check_energy, contained, relative_difference
from tests.convert.handmade import deposits

INSIDE = ((0.0, 0.0, 50.0), (3.0, 1.0, 52.0))
AT_WALL = ((0.0, 0.0, 1.0), (0.0, 0.0, 2.0))


def test_energy_inside_is_conserved_and_what_leaves_is_missed() -> None:
    assert relative_difference(deposits(INSIDE)) < 1e-6
    late = replace(deposits(INSIDE), time_us_N=np.array([1e4]))  # seen 16 m beyond the far end
    assert relative_difference(late) == 1.0


def test_only_deposits_away_from_walls_and_in_time_count() -> None:
    three = deposits(INSIDE, AT_WALL, INSIDE)
    three.time_us_N[:] = [0.0, 0.0, 50.0]
    kept = contained(three, CUBE.bounds_cm)
    assert kept.start_cm_N3.tolist() == [list(INSIDE[0])]
    assert len(kept) == 1


def test_nothing_is_taken_away_and_nothing_added() -> None:
    assert (QUIET.noise_adc, QUIET.threshold_adc) == ((0.0,), 1e-9)


def test_simulated_events_keep_their_energy(tmp_path: Path) -> None:
    rows = check_energy(tmp_path, seed=1).rows
    assert [row.quantity.split()[0] for row in rows] == ["energy", "charge"]
    for row in rows:
        assert row.value == pytest.approx(0.0, abs=1e-6)
        assert (row.high, row.held) == (1e-5, True)
