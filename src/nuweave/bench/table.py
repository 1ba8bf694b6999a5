"""The tables of the README, made from what the benchmarks measured."""

from __future__ import annotations

import re
from collections.abc import Callable

from nuweave.bench.record import Record, Row

PLACE = re.compile(r"(?<=<!-- )(benchmarks/[\w.-]+\.json)( targets)?( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def markdown(record: Record, *, only_targets: bool = False) -> str:
    """A Markdown table of a record's figures, or of those that have a target, and where they come from."""
    commit = "an installed package" if record.commit is None else f"commit {record.commit[:7]}"
    machine = record.machine
    source = (
        f"Measured by `{record.command}` at {commit}{' with changes' if record.dirty else ''}, {record.date}, on "
        f"{machine.cores} cores ({machine.cpu}, {machine.memory_gib:.0f} GiB)."
    )
    lines = [
        "| figure | measured | target | |",
        "|---|---|---|---|",
        *(_line(row) for row in record.rows if row.target or not only_targets),
    ]
    return "\n".join([" ".join([source, *record.notes]), "", *lines]) + "\n"


def fill_tables(text: str, read: Callable[[str], Record]) -> str:
    """Write the table of each record to its place in a text.

    Args:
        text: with places from `<!-- benchmarks/NAME.json -->` to `<!-- end -->`, each on a line of its own; with
            `targets` behind the name a place gets the figures that have a target only.
        read: gives the record of that name.
    """

    def filled(place: re.Match[str]) -> str:
        table = markdown(read(place[1]), only_targets=bool(place[2]))
        return f"{place[1]}{place[2] or ''}{place[3]}{table}"

    return PLACE.sub(filled, text)


def _line(row: Row) -> str:
    verdict = "" if row.held is None else f": {'held' if row.held else 'missed'}"
    value = "not measured" if row.value is None else f"{_number(row.value)} {row.unit}"
    cells = [row.figure, value, f"{row.target or ''}{verdict}", row.note or ""]
    return " ".join(["|", *(f"{cell} |".lstrip() for cell in cells)])


def _number(value: float) -> str:
    """Three digits that count; thousands are parted."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
