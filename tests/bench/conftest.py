"""A record whose numbers can be checked by hand, and larcv where it is built."""

from __future__ import annotations

import pytest

from nuweave.bench.record import Machine, Record, Row, row_with_target
from tests.crosscheck.conftest import larcv

__all__ = ["larcv"]


@pytest.fixture
def record() -> Record:
    """Three figures: one held, one missed, one without a target."""
    rows = (
        row_with_target("ours / theirs", 4.25, "x", ">= 4", "processor time 4.1 x"),
        row_with_target("size", 0.7, "x", "<= 0.65"),
        Row("ours", 12345.6, "events/s"),
    )
    machine = Machine("a processor", 2, 23.5, "3.11.2", {"numpy": "2.4.6"})
    return Record(
        "0123456789abcdef",
        False,
        "2026-11-23 12:00 UTC",
        machine,
        "nuweave bench io",
        rows,
        {"ours": [1.0, 2.0]},
        ("400 events.",),
    )
