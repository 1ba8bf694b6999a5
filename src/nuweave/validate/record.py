"""What a validation leaves behind: rows of values between limits, and histograms that show more than a row can."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.config import UserError
from nuweave.store import write_aside


@dataclass(frozen=True)
class Row:
    """One value beside its limits.

    Attributes:
        check: what is examined, a group of rows.
        quantity: what was measured.
        value: the figure; None where it was not measured.
        low, high: the limits, both allowed; None where there are none.
        unit: of value and limits.
        held: whether the value lies between the limits; None where one of them is missing.
        note: what must be known beside it.
    """

    check: str
    quantity: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    held: bool | None
    note: str | None = None


@dataclass(frozen=True)
class Histogram:
    """How a quantity is distributed; histograms of one name belong into one figure.

    Attributes:
        name: of the figure.
        label: what was counted, among the histograms of that name.
        quantity, unit: what runs along the bins.
        per: what the counts are divided by: "particle", "event", or all "length" of tracks.
        bins: edges, one more than counts.
        counts: of the simulation.
        reference: the same of what it is compared with; None without.
    """

    name: str
    label: str
    quantity: str
    unit: str
    per: str
    bins: Sequence[float]
    counts: Sequence[float]
    reference: Sequence[float] | None = None


class Findings(NamedTuple):
    """What one check finds."""

    rows: Sequence[Row]
    figures: Sequence[Histogram] = ()


@dataclass(frozen=True)
class Validation:
    """One run of all checks.

    Attributes:
        commit: of the checkout that the code ran from; None for an installed package.
        dirty: whether that checkout had changes; None without one.
        date: time of the run, UTC.
        command: that repeats it.
        rows: the values.
        figures: the histograms.
    """

    commit: str | None
    dirty: bool | None
    date: str
    command: str
    rows: Sequence[Row]
    figures: Sequence[Histogram]


def between(
    check: str,
    quantity: str,
    value: float | None,
    low: float | None,
    high: float | None,
    unit: str,
    note: str | None = None,
) -> Row:
    """A row, and whether its value lies between the limits."""
    held = None if value is None or low is None or high is None else bool(low <= value <= high)
    return Row(check, quantity, value, low, high, unit, held, note)


def near(
    check: str, quantity: str, value: float, target: float, share: float, unit: str, note: str | None = None
) -> Row:
    """A row whose value may differ from the target by a share of it."""
    return between(check, quantity, value, target * (1 - share), target * (1 + share), unit, note)


def error_of_mean(values: NDArray[np.float64]) -> str:
    """The statistical error of the mean of a sample, as a note."""
    return plus_minus(float(values.std() / np.sqrt(len(values))))


def plus_minus(error: float) -> str:
    """An error as a note: two digits that count, or none after the point."""
    return f"+- {error:.2g}" if error < 100 else f"+- {error:.0f}"


def write_validation(validation: Validation, path: Path) -> None:
    """Write it as JSON."""
    with write_aside(path) as aside:
        aside.write_text(json.dumps(asdict(validation), indent=1) + "\n")


def read_validation(path: Path) -> Validation:
    """What `write_validation` wrote.

    Raises:
        UserError: it is not there, or is something else.
    """
    try:
        found = json.loads(path.read_text())
        rows = [Row(**row) for row in found.pop("rows")]
        figures = [Histogram(**figure) for figure in found.pop("figures")]
        return Validation(rows=rows, figures=figures, **found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"is no validation ({error})"
        raise UserError(f"{path}: {reason}; write it with `nuweave validate --json {path}`") from None
