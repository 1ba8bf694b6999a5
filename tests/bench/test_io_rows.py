"""Figures follow from times by simple arithmetic; what was not measured has none."""

from __future__ import annotations

import pytest

from nuweave.bench.io_memory import Growth
from nuweave.bench.io_rows import Measured, make_rows
from nuweave.bench.stopwatch import Timing

SIZES = {"larcv's own": 1000.0, "repacked": 1500.0, "archive": 600.0}
GROWTH = Growth(file_bytes=2 * 10**9, slab_bytes=10**7, grown_bytes=3 * 10**7)


def way(events: int, *wall_s: float) -> Measured:
    return Measured("a way", events, [Timing(wall, wall / 2) for wall in wall_s])


def test_a_ratio_is_the_median_of_the_ratios_of_each_repetition() -> None:
    # rates 100, 50, 10 against 10, 10, 10: noise that slowed one repetition does not move the median
    measured = {"untouched": way(100, 1.0, 2.0, 10.0), "larcv_sparse": way(10, 1.0, 1.0, 1.0)}
    row = make_rows(measured, SIZES, GROWTH)[0]
    assert row.figure == "ours on an untouched larcv file / larcv queueio sparse"
    assert (row.target, row.held) == (">= 4", True)
    assert row.value == pytest.approx(5)
    assert row.note == "processor time 5 x"  # 10 ms an event against 50


def test_targets_are_held_or_missed_by_the_numbers() -> None:
    measured = {
        "larcv_sparse": way(60, 1.0),
        "untouched": way(180, 1.0),
        "repacked": way(6000, 1.0),
        "byte_copy": way(10000, 1.0),
        "one_thread": way(200, 1.0),
        "two_threads": way(300, 1.0),
    }
    rows = make_rows(measured, SIZES, GROWTH)
    targets = [row for row in rows if row.target is not None]
    assert [row.value for row in targets] == pytest.approx([3, 100, 0.6, 1.5, 0.6, 3])
    assert [row.held for row in targets] == [False, True, True, False, True, False]
    plain = [(row.value, row.unit) for row in rows if row.target is None]
    assert plain[:2] == [(60, "events/s"), (180, "events/s")]
    assert plain[-3:] == [(1.0, "kB/event"), (1.5, "kB/event"), (0.6, "kB/event")]


def test_without_larcv_its_figures_are_absent() -> None:
    measured = {"repacked": way(6000, 1.0), "byte_copy": way(10000, 1.0)}
    rows = make_rows(measured, {"archive": 600.0}, GROWTH)
    assert not any("larcv" in row.figure for row in rows)
    assert [row.target for row in rows if row.target] == [">= 0.5", "<= 2"]
