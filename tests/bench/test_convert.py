"""Reading is counted by adapter, and ranks are timed in turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.bench.convert import run_convert
from nuweave.physics.detectors import get_detector
from tests.convert.handmade import write_edepsim_file


@pytest.mark.mpi
def test_each_file_has_a_row_and_so_have_the_ranks(tmp_path: Path) -> None:
    readable = write_edepsim_file(tmp_path / "raw.h5", get_detector("sbnd"))
    (tmp_path / "notes.txt").write_text("no simulation")
    record = run_convert(
        files=[str(readable), str(tmp_path / "notes.txt")], num_events=2, repeats=1, command="as tested"
    )
    read, refused, *ranks = record.rows
    assert read.figure == "reading raw.h5"
    assert read.value is not None
    assert read.value > 0
    assert (refused.value, refused.note) == (None, "is in no format that nuweave reads")
    assert [row.unit for row in ranks] == ["events/s", "events/s", "x"]
    readings = record.measurements["readings"]
    assert isinstance(readings, dict)
    assert readings["raw.h5"]["num_events"] == 3
