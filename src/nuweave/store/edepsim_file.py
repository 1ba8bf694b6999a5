"""Reading edep-sim HDF5 an event at a time, in each of the dialects that are about.

Of a table only the column of event numbers is read on opening, then the rows of the events that are asked for: many
processes can share one large file.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.columns import ColumnError, InflatedColumn, find_layout, layout_fault
from nuweave.store.edepsim import TABLES, EdepSimEvents
from nuweave.store.files import UNREADABLE, StoreError, one_line, open_h5

CHUNK_CACHE_BYTES = 16 << 20  # a few of our chunks: the next event often begins in the one just inflated
OLD_NAMES = {
    "eventID": "event_id",
    "vertexID": "vertex_id",
    "trackID": "traj_id",
    "pdgId": "pdg_id",
    "t": "t0",
    "t_start": "t0_start",
    "t_end": "t0_end",
}  # names of the oldest dialect, whose `t` is what later became `t0`
PLACES = [f"{axis}_{end}" for axis in "xyz" for end in ("start", "end")]
NEEDED_FIELDS = {
    "segments": ["event_id", "traj_id", "pdg_id", "t0_start", "t0_end", "dE", *PLACES],
    "trajectories": ["event_id", "vertex_id", "traj_id", "parent_id", "pdg_id"],
    "vertices": ["event_id", "vertex_id", "x_vert", "y_vert", "z_vert"],
    "mc_hdr": ["event_id", "vertex_id", "x_vert", "y_vert", "z_vert", "reaction", "isCC", "Enu", "nu_pdg"],
    "mc_stack": ["event_id", "vertex_id", "part_4mom", "part_pdg", "part_status"],
}


class Dialect(Enum):
    """Which tables a file has."""

    SEGMENTS = ("segments",)  # the oldest: deposits, and no truth but the particle that left them
    TRACKS = ("segments", "trajectories", "vertices")  # larnd-sim's dumpTree
    GENERATOR = ("segments", "trajectories", "vertices", "mc_hdr", "mc_stack")  # 2x2_sim, and nuweave simulate


class EdepSimFile:
    """An open file. The output of larnd-sim, which keeps copies of its input's tables, is read like its input.

    Attributes:
        path: of the file.
        dialect: of the file.
        event_ids: int64[events], ascending: every event that has a vertex or a deposit.
        attributes: what the file says of itself: generator, generator_seed, file, detector.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            StoreError: the file cannot be opened, is of no known dialect or of two, or has no events.
        """
        self.path = path
        self._file = open_h5(path, cache_bytes=CHUNK_CACHE_BYTES)
        self._descriptor = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._descriptor)
        try:
            self.dialect = _dialect(path, self._file)
            # kept open: the inflated chunks of a dataset are dropped with its last handle
            self._tables = {name: self._file[name] for name in self.dialect.value}
            self._columns = {name: self._column(name) for name in self.dialect.value}
            numbers = {name: self._event_numbers(name) for name in self.dialect.value}
        except BaseException:
            self.close()
            raise
        self._rows = {name: _RowsByEvent(column) for name, column in numbers.items()}
        self.event_ids = np.unique(
            np.concatenate([numbers[name] for name in ("segments", "vertices") if name in numbers])
        )
        self.attributes: dict[str, str | int] = {
            name: int(value) if isinstance(value, np.integer) else str(value)
            for name, value in self._file.attrs.items()
            if isinstance(value, str | np.integer)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._close()
        self._file.close()

    def fields(self, name: str) -> frozenset[str]:
        """Names of a table's fields, those of the present; empty where the file has no such table."""
        return frozenset(_present_names(self._tables[name].dtype)) if name in self._tables else frozenset()

    def table(self, name: str) -> NDArray[Any]:
        """All rows of a table."""
        return self._read(name, slice(0, len(self._tables[name])))

    def rows(self, name: str, number: int) -> NDArray[Any]:
        """The rows of an event, in the order of the file; fields have their present names.

        Raises:
            StoreError: the file is damaged.
        """
        parts = [self._read(name, span) for span in self._rows[name].spans(number)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _column(self, name: str) -> InflatedColumn | None:
        """A way to read rows by compiled code, in a third of HDF5's time; None where only HDF5 can.

        The oldest dialect is left to HDF5, for its fields get other names.
        """
        dataset = self._tables[name]
        if dataset.dtype.hasobject or _present_names(dataset.dtype) != dataset.dtype.names:
            return None
        try:
            layout = find_layout(dataset, has_user_block=self._file.userblock_size > 0)
            fault = layout_fault(layout, file_size=self.path.stat().st_size)
            if fault is not None:
                raise fault
            return InflatedColumn(self._descriptor, layout) if layout.way == "inflated" else None
        except ColumnError as error:
            raise self._damaged(name, error) from None

    def _event_numbers(self, name: str) -> NDArray[np.int64]:
        table = self._tables[name]
        field, num_rows = "eventID" if "eventID" in table.dtype.names else "event_id", len(table)
        if name in ("segments", "vertices") and not num_rows:
            raise StoreError(f"{self.path}: table {name} is empty, so there are no events; leave the file out")
        column = self._columns[name]
        if column is None:
            return self._of_hdf5(name, lambda rows: rows.fields(field)[:].astype(np.int64))
        try:
            return column.read_field(field).astype(np.int64)
        except ColumnError as error:
            raise self._damaged(name, error) from None

    def _read(self, name: str, span: slice) -> NDArray[Any]:
        column = self._columns[name]
        if column is None:
            rows = self._of_hdf5(name, lambda table: table[span])
            rows.dtype.names = _present_names(rows.dtype)
            return rows
        try:
            return column.read(span.start, span.stop)
        except ColumnError as error:
            raise self._damaged(name, error) from None

    def _of_hdf5(self, name: str, read: Callable[[h5py.Dataset], NDArray[Any]]) -> NDArray[Any]:
        try:
            return read(self._tables[name])
        except UNREADABLE as error:
            raise self._damaged(name, error) from None

    def _damaged(self, name: str, error: Exception) -> StoreError:
        return StoreError(f"{self.path}: table {name} cannot be read ({one_line(error)}); write or copy the file again")


class _RowsByEvent:
    """Where the rows of each event lie in a table, whatever their order."""

    def __init__(self, numbers: NDArray[np.int64]) -> None:
        ordered = bool(np.all(numbers[:-1] <= numbers[1:]))
        self._order = None if ordered else np.argsort(numbers, kind="stable")
        self._numbers = numbers if self._order is None else numbers[self._order]

    def spans(self, number: int) -> list[slice]:
        """Stretches of rows that follow each other; one, perhaps empty, where the table is in order."""
        first, end = (int(at) for at in np.searchsorted(self._numbers, [number, number + 1]))
        if self._order is None or first == end:
            return [slice(first, end)]
        stretches = np.split(self._order[first:end], np.flatnonzero(np.diff(self._order[first:end]) != 1) + 1)
        return [slice(int(rows[0]), int(rows[-1]) + 1) for rows in stretches]


def is_edepsim(path: Path) -> bool:
    """Whether an HDF5 file has edep-sim's table of segments, in any dialect or mixture of them."""
    with open_h5(path) as file:
        table = file.get("segments")
        return isinstance(table, h5py.Dataset) and {"dE", *PLACES} <= set(table.dtype.names or ())


def read_edepsim(path: Path) -> EdepSimEvents:
    """The tables of a whole file as stored; fields that nuweave does not know are kept.

    Raises:
        StoreError: the file cannot be opened, lacks the truth of a generator, or has no events.
    """
    with EdepSimFile(path) as file:
        missing = set(TABLES) - set(file.dialect.value)
        if missing:
            raise StoreError(f"{path}: has no table {_in_order(missing)}; give a file of 2x2_sim or nuweave simulate")
        return EdepSimEvents(**{name: file.table(name) for name in TABLES}, attributes=file.attributes)


def _present_names(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """The names of fields; those of the oldest dialect are translated, and only there."""
    names = dtype.names or ()
    return tuple(OLD_NAMES.get(name, name) for name in names) if "eventID" in names else names


def _dialect(path: Path, file: h5py.File) -> Dialect:
    """Which dialect a file is in.

    Raises:
        StoreError: a table or a field is missing, or the tables are of different dialects.
    """
    found = {name for name in TABLES if isinstance(file.get(name), h5py.Dataset)}
    old = {name for name in found if "eventID" in (file[name].dtype.names or ())}
    new = {name for name in found if "event_id" in (file[name].dtype.names or ())}
    if old and new:
        raise StoreError(
            f"{path}: mixes two dialects: {_in_order(old)} with eventID, {_in_order(new)} with event_id; "
            "take all tables from one conversion"
        )
    # of an old file only the segments are read: its other tables never had settled names
    dialect = Dialect.SEGMENTS if old else _dialect_of_tables(path, found, sorted(file))
    for name in dialect.value:
        needed = {*NEEDED_FIELDS[name], *(["vertex_id"] if dialect is not Dialect.SEGMENTS else [])}
        absent = sorted(needed - set(_present_names(file[name].dtype)))
        if absent:
            raise StoreError(
                f"{path}: table {name} has no field {', '.join(absent)}; no dialect that nuweave knows lacks it: "
                "convert the edep-sim ROOT file again with a present larnd-sim or 2x2_sim"
            )
    return dialect


def _dialect_of_tables(path: Path, found: set[str], all_names: list[str]) -> Dialect:
    """Which of the newer dialects has these tables.

    Raises:
        StoreError: a table is missing.
    """
    dialect = Dialect.GENERATOR if found & {"mc_hdr", "mc_stack"} else Dialect.TRACKS
    missing = set(dialect.value) - found
    if missing:
        raise StoreError(
            f"{path}: has no table {_in_order(missing)} (found: {', '.join(all_names) or 'nothing'}); "
            "convert the edep-sim ROOT file again with larnd-sim's dumpTree.py or 2x2_sim's convert_edepsim_roottoh5.py"
        )
    return dialect


def _in_order(names: set[str]) -> str:
    return ", ".join(name for name in TABLES if name in names)
