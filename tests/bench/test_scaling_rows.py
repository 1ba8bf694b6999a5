"""The parts of the model come out of measurements that they were put into."""

from __future__ import annotations

import pytest

from nuweave.bench.record import Row
from nuweave.bench.scaling_rows import GRADIENT_BYTES, fitted_rows


def rows() -> dict[str, Row]:
    """A ring that takes 2 ms and 1 ns a byte; a step that takes 1 s and 10 ms a site."""
    found = fitted_rows(
        sums={size: 2e-3 + 1e-9 * size for size in (10**6, 10**7, 10**8)},
        one_event=[(100.0, 2.0), (200.0, 3.0), (300.0, 4.0)],
        event_sites=[100, 300],
        steps={"weak": [4.0, 4.0 + 2e-3 + 1e-9 * GRADIENT_BYTES], "weak, own events": [6.0, 8.0]},
    )
    return {one.figure.removeprefix("model: "): one for one in found}


def test_the_ring_is_found() -> None:
    found = rows()
    assert found["bandwidth of a ring of 2 ranks over loopback"].value == pytest.approx(1)
    assert found["bandwidth of a ring of 2 ranks over loopback"].note == "1 MB: 3 ms; 10 MB: 12 ms; 100 MB: 102 ms"
    assert found["latency of its messages"].value == pytest.approx(1)  # there and back


def test_events_of_two_sizes_spread_by_a_third() -> None:
    row = rows()["spread of a step on one event"]
    assert row.value == pytest.approx(1 / 3)  # 2 s and 4 s
    assert row.note == "1e+03 ms and 1e+04 us a site"


def test_two_ranks_with_the_same_events_take_as_long_as_one_and_the_ring() -> None:
    assert rows()["step on 2 ranks, the same events on each: from 1 rank / measured"].value == pytest.approx(1)


def test_two_ranks_with_their_own_events_wait_for_the_larger() -> None:
    """Two events cost 4, 6 or 8 s with chances 1, 2 and 1 of 4: the larger of two such draws costs 6.75 s."""
    row = rows()["step on 2 ranks, each its own events: from 1 rank / measured"]
    assert row.value == pytest.approx(6.75 / 8, rel=0.01)


def test_many_ranks_wait_for_the_largest_events_and_less_so_with_more_of_them_a_rank() -> None:
    found = rows()
    assert found["slowest of 1,024 ranks / mean, 2 events a rank"].value == pytest.approx(4 / 3, rel=0.01)
    few, many = (found[f"slowest of 8 ranks / mean, {num} events a rank"].value for num in (2, 8))
    assert few is not None
    assert many is not None
    assert 1 < many < few
