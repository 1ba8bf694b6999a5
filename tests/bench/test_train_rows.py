"""Figures of `bench train` follow from times by simple arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nuweave.bench.record import Row
from nuweave.bench.train_cases import Groups, event_groups, gpu_groups, scaling_groups, two_rank_groups
from nuweave.bench.train_ranks import Found
from nuweave.bench.train_rows import Measured, make_rows

STEP = {"seconds": 2.0, "wait": 0.05, "sites": 100.0}


def found(groups: Groups, *, seconds: float = 2.0) -> Found:
    """Every step of every case takes as long."""
    steps = {group: {case.name: [STEP | {"seconds": seconds}] * 3 for case in cases} for group, cases in groups.items()}
    return Found(steps, dict.fromkeys(groups, 3_000_000_000), {"saved": [0.5, 0.7, 1.5]}, {})


def measured() -> Measured:
    """Two ranks take a quarter longer than one; a site takes 10 ms, whatever else happens 1 s."""
    one_event = [{"seconds": 1 + 0.01 * sites, "wait": 0.0, "sites": sites} for sites in (100.0, 200.0, 300.0)]
    one = replace(found({}), steps={"one event": {"torch": one_event}})
    two = replace(found(two_rank_groups()), sums={"1000000": [0.001], "100000000": [0.1]})
    pair = found(scaling_groups(1), seconds=2.0), found(scaling_groups(2), seconds=2.5)
    return Measured(one, two, [pair], {"torch": [8.0], "DeepSpeed ZeRO-1": [14.0, 17.0, 16.0]}, [100, 300], None)


def row(figure: str, rows: list[Row]) -> Row:
    """The one whose name has this in it."""
    (one,) = [one for one in rows if figure in one.figure]
    return one


def test_figures_with_targets_come_first_and_are_held_or_missed_by_the_numbers() -> None:
    rows = make_rows(measured())
    assert [(one.target, one.value, one.held) for one in rows if one.target] == [
        ("<= 0.05", pytest.approx(0.025), True),
        ("<= 0.05", pytest.approx(0.025), True),
        ("<= 1.15", 1.0, True),
        ("<= 1.15", 1.0, True),
        ("<= 1.15", 1.0, True),
        (">= 0.85", 0.8, False),
        ("<= 1", 0.7, True),
        ("<= 1", 0.7, True),
        ("<= 15", 8.0, True),
        ("<= 15", 16.0, False),
    ]


def test_every_case_of_two_ranks_that_is_compared_by_rate_has_a_row() -> None:
    rows = make_rows(measured())
    assert sum(one.unit == "events/s" and one.value is not None for one in rows) == 22
    assert row("2 ranks, engine torch", rows).value == 2  # the demo's 4 events in 2 s
    assert row("2 ranks, event_id, engine torch", rows).value == 16
    assert row("2 ranks, batch 8 a rank", rows).value == 8


def test_waiting_counts_all_steps_together() -> None:
    known = measured()
    steps = [STEP, STEP, {"seconds": 6.0, "wait": 0.9, "sites": 1.0}]
    two = replace(known.two, steps={**known.two.steps, "waiting, event_id": {"demo": steps}})
    rows = make_rows(replace(known, two=two))
    assert row("waiting for data, event_id", rows).value == pytest.approx(0.1)
    assert row("waiting for data, event_id", rows).note == "50 ms of 2 s"


def test_the_share_of_the_exchange_is_what_a_step_without_it_saves() -> None:
    known = measured()
    cases = {"true": [STEP], "false": [STEP | {"seconds": 1.5}]}
    rows = make_rows(replace(known, two=replace(known.two, steps={**known.two.steps, "exchange": cases})))
    assert row("sum of gradients over 2 ranks, cosmic_tagger", rows).value == 0.25


def test_without_a_gpu_its_figures_are_not_measured() -> None:
    rows = make_rows(measured())[-len(gpu_groups()) :]
    assert {(one.value, one.unit) for one in rows} == {(None, "events/s")}


def test_a_gpu_has_events_a_second_and_memory() -> None:
    one = row("GPU, dense, batch 4, bf16", make_rows(replace(measured(), gpu=found(gpu_groups()))))
    assert (one.value, one.note) == (2.0, "3 GB")


def test_steps_with_one_event_are_measured_under_one_name() -> None:
    assert list(event_groups()) == ["one event"]
