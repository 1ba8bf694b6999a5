"""`bench dag`: figures from seconds, and where it can start; tests/workflow/test_scale.py plans with its functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.bench.dag import make_rows, run_dag
from nuweave.config import UserError


def test_each_figure_is_a_median_of_seconds_held_against_a_minute() -> None:
    rows = make_rows({"local": [9.0, 70.0, 10.0]}, {"local": [61.0], "polaris": [60.0]}, 5000)
    assert [(row.figure, row.value, row.held) for row in rows] == [
        ("planning 5,000 source files, profile local", 10.0, True),
        ("the same when everything is made, profile local", 61.0, False),
        ("the same when everything is made, profile polaris", 60.0, True),
    ]


def test_elsewhere_than_in_a_checkout_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Snakefile; start it in the checkout"):
        run_dag(checkout=tmp_path, num_files=1, repeats=1, command="nuweave bench dag")
