"""`bench io` on a few small events: every way reads, figures have their places. No speed is looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nuweave.bench.io import run_io
from nuweave.bench.record import Record
from nuweave.config import UserError
from tests import mock

OURS = {"repacked", "byte_copy", "first_read", "archive", "dense_h5"}
WITH_LARCV = {"larcv_sparse", "larcv_tight", "larcv_dense", "h5py", "untouched", "one_thread", "two_threads"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return mock.write_shard(tmp_path / "source.h5", num_events=3)


def run(source: Path) -> Record:
    return run_io(source=source, num_events=40, repeats=1, command="nuweave bench io", large_bytes=10**5)


def test_without_larcv_its_rows_are_absent_and_the_record_says_so(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUWEAVE_LARCV_PYTHON", "none/python")
    allowed = os.sched_getaffinity(0)
    record = run(source)
    assert set(record.measurements["ways"]) == OURS  # type: ignore[call-overload]
    assert not any("larcv" in row.figure for row in record.rows)
    assert [row.target for row in record.rows if row.target] == [">= 0.5", "<= 2"]
    assert all(row.value and row.value > 0 for row in record.rows if row.target is None)
    assert "none/python: is not there" in record.notes[1]
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.larcv
@pytest.mark.usefixtures("larcv")
def test_with_larcv_every_figure_of_the_table_is_there(source: Path) -> None:
    record = run(source)
    assert set(record.measurements["ways"]) == OURS | WITH_LARCV  # type: ignore[call-overload]
    assert [row.target for row in record.rows if row.target] == [
        *(">= 4", ">= 40", ">= 0.5", ">= 1.6"),
        *("<= 0.65", "<= 2"),
    ]
    assert len(record.notes) == 1


def test_too_few_events_for_two_batches_are_refused(source: Path) -> None:
    with pytest.raises(UserError, match="--events 31: is too few"):
        run_io(source=source, num_events=31, repeats=1, command="nuweave bench io")
