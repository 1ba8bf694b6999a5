"""`bench simulate` on two events: every way runs, figures have their places. No speed is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.bench.simulate import Measured, make_rows, measure
from nuweave.bench.simulate_ways import STORED
from nuweave.bench.stopwatch import Timing

MS = {"sbnd, whole": 40, "sbnd, simulate": 15, "sbnd, convert": 25, "simulate only": 8, "convert only": 16}
OTHERS = {"full resolution": 50, "cube, simulate": 5, "cube, convert": 10, "nova, simulate": 4, "nova, convert": 2}
NOISE = {"sparse": 3, "dense": 60}


def test_every_way_runs(tmp_path: Path) -> None:
    measured = measure(tmp_path, num_events=2, repeats=1)
    assert set(measured.times) == {*MS, *OTHERS, *NOISE, *STORED, "cube, whole", "nova, whole"}
    assert all(len(timings) == 1 for timings in measured.times.values())
    assert measured.sizes["segments, uncompressed"] > measured.sizes["segments, gzip 1, shuffled"]
    assert measured.num_sites > 1000


def test_a_rate_is_events_over_the_median_of_processor_time() -> None:
    ms = MS | OTHERS | NOISE | dict.fromkeys(STORED, 7)
    times = {way: [Timing(9.0, 10 * one / 1e3), Timing(9.0, 1e3), Timing(9.0, 0.0)] for way, one in ms.items()}
    rows = make_rows(Measured(10, times, {f"segments, {name}": 4e5 for name in STORED}, 30_000.0))
    assert rows[1].value == pytest.approx(25)
    assert (rows[1].target, rows[1].held, rows[1].note) == (">= 20", True, "40 ms")
    assert (rows[0].target, rows[0].held) == (">= 20", True)
    found = {row.figure: row.value for row in rows}
    assert found["SBND, convert: to the shard, 512 x 320 sites"] == pytest.approx(40)
    assert found["SBND, share of files and their compression"] == pytest.approx(0.4)
    assert found["noise drawn for every site / only where it passes the threshold"] == pytest.approx(20)
    assert rows[-1].note == "400 kB"
