"""What a benchmark leaves behind: its figures beside their targets, what they were made from, and the machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from nuweave.config import UserError
from nuweave.report.provenance import commit_of
from nuweave.store import write_aside


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        figure: what was measured.
        value: the figure, a median where it was measured several times; None where it was not measured.
        unit: of the value; "x" for a ratio.
        target: ">= 4" or "<= 0.65"; None where there is none.
        held: whether the value keeps to the target; None where one of them is missing.
        note: what must be known beside it.
    """

    figure: str
    value: float | None
    unit: str
    target: str | None = None
    held: bool | None = None
    note: str | None = None


@dataclass(frozen=True)
class Machine:
    """What a benchmark ran on.

    Attributes:
        cpu: model of the processor.
        cores: processors that this process may use.
        memory_gib: of the machine.
        python: version of the interpreter.
        packages: package -> version.
    """

    cpu: str
    cores: int
    memory_gib: float
    python: str
    packages: Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """One run of a benchmark.

    Attributes:
        commit: of the checkout that the code ran from; None for an installed package.
        dirty: whether that checkout had changes; None without one.
        date: time of the run, UTC.
        machine: that it ran on.
        command: that repeats it.
        rows: the figures.
        measurements: name -> what the rows were made from.
        notes: what must be known beside all of them.
    """

    commit: str | None
    dirty: bool | None
    date: str
    machine: Machine
    command: str
    rows: Sequence[Row]
    measurements: Mapping[str, object]
    notes: Sequence[str] = ()


def row_with_target(figure: str, value: float | None, unit: str, target: str, note: str | None = None) -> Row:
    """A figure that is held against a target of the form ">= 4" or "<= 0.65"."""
    sense, limit = target.split()
    if sense not in (">=", "<="):
        raise ValueError(f"target {target!r} must begin with >= or <=")
    held = None
    if value is not None:
        held = value >= float(limit) if sense == ">=" else value <= float(limit)
    return Row(figure, value, unit, target, held, note)


def make_record(
    command: str,
    rows: Sequence[Row],
    measurements: Mapping[str, object],
    *,
    packages: Sequence[str],
    notes: Sequence[str] = (),
) -> Record:
    """Figures, and where and when they were measured: now, here, by this code."""
    commit, dirty = commit_of(Path(__file__).resolve().parent)
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Record(commit, dirty, date, this_machine(packages), command, rows, measurements, notes)


def this_machine(packages: Sequence[str]) -> Machine:
    """The machine that this runs on, and the versions of some packages."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    num_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cpu=models[0] if models else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(num_bytes / 2**30, 1),
        python=platform.python_version(),
        packages={name: metadata.version(name) for name in packages},
    )


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON."""
    with write_aside(path) as aside:
        aside.write_text(json.dumps(asdict(record), indent=2) + "\n")


def read_record(path: Path) -> Record:
    """The record in a JSON file.

    Raises:
        UserError: it is not there, or is none.
    """
    try:
        found = json.loads(path.read_text())
        rows = [Row(**row) for row in found.pop("rows")]
        return Record(machine=Machine(**found.pop("machine")), rows=rows, **found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"is no record of a benchmark ({error})"
        raise UserError(f"{path}: {reason}; write it with `nuweave bench {path.stem} --json {path}`") from None
