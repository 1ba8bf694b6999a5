"""The table of the documentation is what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nuweave.validate.record import Validation, read_validation
from nuweave.validate.table import PLACE, fill_quality, markdown

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = """\
Measured by `nuweave validate` at commit 0123456, 2026-11-23 12:00 UTC: 1 held, 1 missed, 1 not measured or without \
limits.

| check  | quantity | value        | limits       |        | note         |
|--------|----------|--------------|--------------|--------|--------------|
| tracks | range    | 30.5 cm      | 29.1 to 30.9 | held   | +- 0.1       |
| images | sites    | 14,218       | 500 to 2,400 | MISSED |              |
| vertex | real     | not measured | 0 to 1.5     |        | not measured |
"""


def test_a_table_has_a_line_a_row_and_says_where_it_comes_from(validation: Validation) -> None:
    assert markdown(validation) == TABLE
    assert "at commit 0123456 with changes, " in markdown(replace(validation, dirty=True))
    assert "at an installed package, " in markdown(replace(validation, commit=None, dirty=None))


def test_only_the_place_of_a_table_is_written(validation: Validation) -> None:
    text = "# Title\n\n<!-- quality one.json -->\nold\n<!-- end -->\n\nkept\n"
    filled = fill_quality(text, lambda name: {"one.json": validation}[name])
    assert filled == f"# Title\n\n<!-- quality one.json -->\n{TABLE}<!-- end -->\n\nkept\n"
    assert fill_quality(filled, lambda _: validation) == filled
    assert fill_quality("no place\n", lambda _: validation) == "no place\n"


def test_our_table_is_that_of_the_validation() -> None:
    text = (CHECKOUT / "docs/quality.md").read_text()
    assert [place[1] for place in PLACE.finditer(text)] == ["benchmarks/quality.json"]
    assert fill_quality(text, lambda name: read_validation(CHECKOUT / name)) == text, "run `nuweave bench table`"
