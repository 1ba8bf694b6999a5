"""The README's tables are what the benchmarks measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nuweave.bench.record import Record, read_record, row_with_target, write_record
from nuweave.bench.table import PLACE, fill_tables, markdown
from nuweave.cli import app

CHECKOUT = Path(__file__).resolve().parents[2]
README = "# Title\n\n<!-- benchmarks/io.json -->\nold\n<!-- end -->\n\nkept\n"


def test_a_table_has_a_line_a_figure_and_says_where_it_comes_from(record: Record) -> None:
    assert markdown(record) == (
        "Measured by `nuweave bench io` at commit 0123456, 2026-11-23 12:00 UTC, on 2 cores (a processor, 24 GiB). "
        "400 events.\n\n"
        "| figure | measured | target | |\n"
        "|---|---|---|---|\n"
        "| ours / theirs | 4.25 x | >= 4: held | processor time 4.1 x |\n"
        "| size | 0.7 x | <= 0.65: missed | |\n"
        "| ours | 12,346 events/s | | |\n"
    )


def test_what_was_not_measured_has_a_target_without_a_verdict(record: Record) -> None:
    table = markdown(replace(record, rows=[row_with_target("on a GPU", None, "x", ">= 18")]))
    assert table.endswith("| on a GPU | not measured | >= 18 | |\n")


def test_only_the_place_of_a_table_is_written(record: Record) -> None:
    once = fill_tables(README, lambda _: record)
    assert once.startswith("# Title\n\n<!-- benchmarks/io.json -->\nMeasured by")
    assert once.endswith("| ours | 12,346 events/s | | |\n<!-- end -->\n\nkept\n")
    assert fill_tables(once, lambda _: record) == once
    assert fill_tables("no place\n", lambda _: record) == "no place\n"


def test_a_place_for_targets_gets_the_figures_that_have_one(record: Record) -> None:
    filled = fill_tables(README.replace(".json -->", ".json targets -->"), lambda _: record)
    assert "<!-- benchmarks/io.json targets -->\nMeasured by" in filled
    assert "| ours / theirs | 4.25 x |" in filled
    assert "12,346 events/s" not in filled


def test_the_command_fills_each_place_from_the_record_of_the_checkout(
    tmp_path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text(README)
    write_record(record, Path("benchmarks/io.json"))
    assert CliRunner().invoke(app, ["bench", "table", "README.md"]).exit_code == 0
    assert markdown(record) in Path("README.md").read_text()


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("README.md", ["benchmarks/io.json", "benchmarks/model.json", "benchmarks/train.json"]),
        ("docs/sites/README.md", ["benchmarks/dag.json"]),
        ("docs/formats.md", ["benchmarks/convert.json"]),
        ("docs/loader.md", ["benchmarks/io.json"]),
        ("docs/networks.md", ["benchmarks/model.json"]),
        ("docs/physics.md", ["benchmarks/simulate.json"]),
        ("docs/scaling.md", ["benchmarks/train.json"]),
    ],
)
def test_our_tables_are_those_of_the_records(file: str, names: list[str]) -> None:
    text = (CHECKOUT / file).read_text()
    assert [place[1] for place in PLACE.finditer(text)] == names
    assert fill_tables(text, lambda name: read_record(CHECKOUT / name)) == text, "run `nuweave bench table`"
