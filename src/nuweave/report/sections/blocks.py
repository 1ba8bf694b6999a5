"""What a section is made of, and how numbers are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nuweave.report.figures.style import Picture

LONGEST_NUMBER = 24  # characters; a longer cell is text


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes:
        caption: what it shows.
        head: names of the columns.
        rows: cells as text; the first of a row names it.
        notes: a line under the name of each row, smaller; empty for none.
        verdicts: whether what each row shows is as it should be, None where that is not known; empty for none.
        folded: whether it is closed until the reader opens it.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    verdicts: Sequence[bool | None] = ()
    folded: bool = False

    @property
    def text_columns(self) -> set[int]:
        """Columns that hold text to be read, not numbers to be compared; they are set flush left."""
        return {place for row in self.rows for place, cell in enumerate(row) if len(cell) > LONGEST_NUMBER}


@dataclass(frozen=True)
class Block:
    """A heading with text, pictures and tables under it; any of them may be missing."""

    title: str
    text: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    grids: Sequence[Grid] = ()
    anchor: str = ""


@dataclass(frozen=True)
class Part:
    """A part of the page: `anchor` is its address, `short` its name in the navigation."""

    anchor: str
    short: str
    title: str
    blocks: Sequence[Block]


def number(value: float | None, digits: int = 3) -> str:
    """0.842; a dash where there is no value."""
    return "\N{EN DASH}" if value is None else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def with_error(value: float | None, error: float | None) -> str:
    """0.842 +- 0.006; as many digits as two of the error, three to five."""
    if value is None:
        return number(None)
    if error is None:
        return number(value)
    digits = 3
    while digits < 5 and 0 < error < 2 * 10**-digits:
        digits += 1
    return f"{number(value, digits)} \N{PLUS-MINUS SIGN} {number(error, digits)}"


def margin(entry: Mapping[str, Any]) -> str:
    """The margin over the best baseline with its sign and error."""
    if entry["margin"] is None:
        return number(None)
    sign = "+" if entry["margin"] >= 0 else ""
    return sign + with_error(entry["margin"], entry["margin_error"])


def best_baseline(entry: Mapping[str, Any]) -> str:
    """Value and name of the best trivial baseline."""
    name = entry["best_baseline"]
    return number(None) if name is None else f"{number(entry['baselines'][name]['value'])} ({words(name)})"


def significant(value: float) -> str:
    """196,000 or 0.0123: three significant digits."""
    return f"{float(f'{value:.3g}'):,.10g}".replace("-", "\N{MINUS SIGN}")


def words(name: str) -> str:
    """A name of a table as text: plane0/mean_iou becomes plane 0: mean IoU."""
    text = re.sub(r"\bplane(\d)", r"plane \1", name.replace("/", ": ").replace("_", " "))
    return re.sub(r"\b(iou|auc)\b", lambda match: "IoU" if match[1] == "iou" else "AUC", text)


def integer(value: float) -> str:
    """12,345."""
    return f"{int(value):,}"


def share(counts: Mapping[str, int], name: str) -> str:
    """The share that one name has of all counts: 33.3 %."""
    return f"{100 * counts.get(name, 0) / max(sum(counts.values()), 1):.1f} %"
