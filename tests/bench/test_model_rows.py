"""Figures follow from times and sizes by simple arithmetic."""

from __future__ import annotations

import pytest

from nuweave.bench.model_gpu import Rate
from nuweave.bench.model_memory import Peak
from nuweave.bench.model_rows import RATIOS, Measured, make_rows
from nuweave.bench.stopwatch import Timing

MEMORY = {
    "dense": Peak(2_100_000_000, 100_000_000),
    "sparse": Peak(200_000_000, 100_000_000),
    "dense_given_back": Peak(2_000_000_000, 100_000_000),
    "sparse_given_back": Peak(100_000_000, 100_000_000),
}
MEMORY["plain"] = Peak(4_200_000_000, 100_000_000)
TIMES = {name: [1.0] for ratio in RATIOS for name in ratio[1:3]}
RATES = {
    "dense": [Rate(1, 2.0, 10**9), Rate(2, 4.0, 2 * 10**9)],
    "sparse": [Rate(1, 40.0, 10**8), Rate(2, 60.0, 2 * 10**8), Rate(4, 240.0, 4 * 10**8)],
}


def measured(rates: dict[str, list[Rate]] | None = None, /, **times: list[float]) -> Measured:
    seconds = TIMES | times
    return Measured({name: [Timing(wall, wall) for wall in walls] for name, walls in seconds.items()}, MEMORY, rates)


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    times = {"plain_forward": [2.0, 3.0, 9.0], "ours_forward": [1.0, 2.0, 1.0], "bfloat16_forward": [1.0, 1.0, 1.0]}
    row = make_rows(measured(**times), has_bfloat16=True)[0]
    assert row.figure == "dense U-ResNet, forward: plain torch / ours"
    assert (row.value, row.target, row.held) == (2.0, ">= 1", True)
    assert row.note == "3 s / 1 s"


def test_targets_are_held_or_missed_by_the_numbers() -> None:
    rows = make_rows(measured(dense=[14.0], bfloat16_both=[0.5], ours_layers_1=[0.08]), has_bfloat16=True)
    assert [(row.value, row.held) for row in rows[:11]] == [
        (1.0, True),
        (1.0, True),
        (1.0, False),
        (2.0, True),
        (14.0, False),
        (1.0, True),
        (0.08, None),
        (10.5, False),
        (20.0, None),
        (21.0, None),
        (20.0, None),
    ]
    assert rows[6].note == "80 ms / 1 s"
    assert rows[7].note == "2,100 MB / 200 MB"
    assert rows[8].note == "2,000 MB / 100 MB"
    assert rows[9].note == "4,200 MB / 200 MB"
    assert rows[10].note == "2,000 MB / 100 MB; 100 MB are left out"


def test_without_instructions_for_it_bfloat16_has_no_target() -> None:
    with_target = {row.figure for row in make_rows(measured(), has_bfloat16=True) if row.target}
    without = {row.figure for row in make_rows(measured(), has_bfloat16=False) if row.target}
    assert {figure.rpartition(" / ")[2] for figure in with_target - without} == {"ours in bfloat16"}


def test_without_a_gpu_its_figures_are_not_measured() -> None:
    rows = make_rows(measured(), has_bfloat16=True)[11:]
    assert [(row.value, row.target, row.held) for row in rows] == [(None, ">= 18", None), (None, ">= 58", None)]


def test_a_gpu_is_compared_at_batches_that_both_sides_have_and_at_the_best_of_each() -> None:
    same, best = make_rows(measured(RATES), has_bfloat16=True)[11:]
    assert (same.value, same.held) == (17.5, False)  # mean of 20 and 15
    assert same.note == (
        "batch 1: 40 events/s, 100 MB / batch 1: 2 events/s, 1,000 MB; "
        "batch 2: 60 events/s, 200 MB / batch 2: 4 events/s, 2,000 MB"
    )
    assert best.value == pytest.approx(60)
    assert best.held
    assert best.note == "batch 4: 240 events/s, 400 MB / batch 2: 4 events/s, 2,000 MB"
