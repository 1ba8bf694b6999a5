"""A validation whose table a reader can check."""

from __future__ import annotations

import pytest

from nuweave.validate.record import Histogram, Row, Validation


@pytest.fixture
def validation() -> Validation:
    return Validation(
        commit="0123456789abcdef",
        dirty=False,
        date="2026-11-23 12:00 UTC",
        command="nuweave validate",
        rows=[
            Row("tracks", "range", 30.51, 29.1, 30.9, "cm", True, "+- 0.1"),
            Row("images", "sites", 14218.0, 500.0, 2400.0, "", False),
            Row("vertex", "real", None, 0.0, 1.5, "sites", None, "not measured"),
        ],
        figures=[Histogram("gap", "photons", "gap", "cm", "particle", [0.0, 1.0, 2.0], [0.75, 0.25], [0.5, 0.5])],
    )
