"""A record says what was measured, where, with what code, and whether targets were held."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.bench.record import Record, make_record, read_record, row_with_target, write_record
from nuweave.config import UserError


@pytest.mark.parametrize(
    ("value", "target", "held"),
    [(4.0, ">= 4", True), (3.999, ">= 4", False), (0.65, "<= 0.65", True), (0.651, "<= 0.65", False)],
)
def test_a_target_is_held_on_its_own_side_only(value: float, target: str, *, held: bool) -> None:
    assert row_with_target("figure", value, "x", target).held is held


def test_what_was_not_measured_holds_no_target_and_misses_none(tmp_path: Path, record: Record) -> None:
    row = row_with_target("figure", None, "x", ">= 4")
    assert (row.value, row.target, row.held) == (None, ">= 4", None)
    write_record(replace(record, rows=[row]), tmp_path / "io.json")
    assert list(read_record(tmp_path / "io.json").rows) == [row]


def test_a_target_without_a_side_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="'== 4' must begin"):
        row_with_target("figure", 4.0, "x", "== 4")


def test_what_is_written_is_read_again(tmp_path: Path, record: Record) -> None:
    path = tmp_path / "benchmarks/io.json"
    write_record(record, path)
    found = read_record(path)
    assert list(found.rows) == list(record.rows)
    assert (found.machine, found.measurements) == (record.machine, record.measurements)
    keys = {"commit", "dirty", "date", "machine", "command", "rows", "measurements", "notes"}
    assert set(json.loads(path.read_text())) == keys


def test_a_record_knows_code_machine_and_packages(record: Record) -> None:
    made = make_record("nuweave bench io", record.rows, {}, packages=("numpy",))
    assert made.machine.packages == {"numpy": np.__version__}
    assert made.machine.cores >= 1
    assert made.machine.memory_gib > 0
    assert made.commit is None or len(made.commit) == 40
    assert made.date.endswith("UTC")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [{"what": 1}]}'])
def test_what_is_no_record_is_named_with_the_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "io.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"io\.json: is no record .*; write it with `nuweave bench io --json"):
        read_record(path)
    with pytest.raises(UserError, match=r"none\.json: no such file"):
        read_record(tmp_path / "none.json")
