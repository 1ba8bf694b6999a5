"""A validation as text: a table for the terminal that is Markdown too, and its place in the documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nuweave.validate.record import Row, Validation

PLACE = re.compile(r"(?<=<!-- quality )(\S+\.json)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
HEAD = ("check", "quantity", "value", "limits", "", "note")
VERDICT = {True: "held", False: "MISSED", None: ""}


def markdown(validation: Validation) -> str:
    """A Markdown table of the rows of a validation, and where they come from."""
    commit = "an installed package" if validation.commit is None else f"commit {validation.commit[:7]}"
    changes = " with changes" if validation.dirty else ""
    held = [row.held for row in validation.rows]
    summary = (
        f"Measured by `{validation.command}` at {commit}{changes}, {validation.date}: {held.count(True)} held, "
        f"{held.count(False)} missed, {held.count(None)} not measured or without limits."
    )
    return "\n".join([summary, "", *_table(validation.rows)]) + "\n"


def fill_quality(text: str, read: Callable[[str], Validation]) -> str:
    """Write the table of each validation to its place in a text.

    Args:
        text: with places from `<!-- quality NAME.json -->` to `<!-- end -->`, each on a line of its own.
        read: gives the validation of that name.
    """
    return PLACE.sub(lambda place: f"{place[1]}{place[2]}{markdown(read(place[1]))}", text)


def _table(rows: Sequence[Row]) -> list[str]:
    """Lines of equal columns."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    rule = "|".join("-" * (width + 2) for width in widths)
    return [f"{lines[0]} |", f"|{rule}|", *(f"{line} |" for line in lines[1:])]


def _cells(row: Row) -> tuple[str, ...]:
    value = "not measured" if row.value is None else f"{_number(row.value)} {row.unit}".strip()
    limits = "" if row.low is None or row.high is None else f"{_number(row.low)} to {_number(row.high)}"
    return row.check, row.quantity, value, limits, VERDICT[row.held], row.note or ""


def _number(value: float) -> str:
    """Three digits that count; thousands are parted."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
