"""Read the tables of a larcv3 file and the addresses of its columns, and find everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.columns import ColumnError, Layout, find_layout, layout_fault, open_column
from nuweave.store.files import AGAIN, UNREADABLE, Fault, StoreError, file_state, one_line, open_h5
from nuweave.store.index import FileIndex, ProductIndex
from nuweave.store.schema import EVENT_ID, KINDS, column_types, product_kind, table_types


def scan(path: Path) -> tuple[FileIndex, list[Fault]]:
    """Read all tables and addresses of a file, and everything that is wrong with them; no column is read.

    Returns:
        the index of the products that are right, and the faults of the others.
    Raises:
        StoreError: no product can be looked at, as in `open_h5`, or it is not larcv3.
    """
    state = file_state(path)
    with open_h5(path) as file, path.open("rb") as stored:
        tables = _Datasets(path, stored.fileno(), state.size, has_user_block=bool(file.userblock_size))
        event_ids, groups = _read_top(path, file, tables)
        products: dict[str, ProductIndex] = {}
        faults: list[Fault] = []
        for name, group in groups.items():
            try:
                product = _read_product(name, group, tables)
            except ColumnError as error:
                faults.append(Fault(path, str(error), error.remedy, name))
                continue
            found = list(_product_faults(path, product, num_events=len(event_ids)))
            faults += found
            if not found:
                products[name] = product
    return FileIndex(path, state, event_ids, products), faults + list(tables.overlaps())


class _Datasets:
    """The datasets of a file while it is indexed; knows which bytes each of them has taken."""

    def __init__(self, path: Path, descriptor: int, size: int, *, has_user_block: bool) -> None:
        self._path, self._descriptor, self._size, self._has_user_block = path, descriptor, size, has_user_block
        self._spans: dict[str, NDArray[np.int64]] = {}

    def layout(self, dataset: h5py.Dataset) -> Layout:
        """How a dataset lies in the file; a ColumnError where it cannot lie so."""
        layout = find_layout(dataset, has_user_block=self._has_user_block)
        fault = layout_fault(layout, file_size=self._size)
        if fault is not None:
            raise fault
        self._spans[dataset.name.removeprefix("/")] = layout.spans
        return layout

    def read_table(self, group: h5py.Group, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        """All rows of a table, past HDF5, which gives zeros where a chunk is missing."""
        if name not in group:
            raise ColumnError(f"has no {name}")
        table = group[name]
        if not isinstance(table, h5py.Dataset) or table.ndim != 1 or not _has_type(table.id.get_type(), dtype):
            raise ColumnError(f"{name} is not a list of {{{', '.join(dtype.names or ())}}} as larcv3 has it")
        try:
            layout = self.layout(table)
            column = open_column(self._path, f"{group.name}/{name}", self._descriptor, layout)
            # a copy, so that no map stays open; of bytes, for one of rows leaves what lies between fields to chance
            return column.read(0, layout.rows).view(np.uint8).copy().view(dtype)
        except ColumnError as error:
            raise ColumnError(f"{name}: {error}", error.remedy) from None

    def overlaps(self) -> Iterator[Fault]:
        """No byte belongs to two datasets, unless an address is wrong."""
        names = list(self._spans)
        low, high = np.concatenate([np.empty((2, 0), np.int64), *self._spans.values()], axis=1)
        owners = np.repeat(np.arange(len(names)), [spans.shape[1] for spans in self._spans.values()])
        order = np.argsort(low)
        at = np.flatnonzero(high[order][:-1] > low[order][1:])[:1]
        for one, other in zip(order[at], order[at + 1], strict=True):
            what = f"{names[owners[one]]} and {names[owners[other]]} lie on the same bytes, from {low[other]} on"
            yield Fault(self._path, what, AGAIN)


def _read_top(path: Path, file: h5py.File, tables: _Datasets) -> tuple[NDArray[Any], dict[str, h5py.Group]]:
    """Event ids, and the groups of the products of a known kind."""
    try:
        if "Events/event_id" not in file or "Data" not in file:
            found = ", ".join(sorted(filter(str.isprintable, file))) or "nothing"
            raise StoreError(
                f"{path}: is HDF5 but not larcv3: Events/event_id and Data are needed, found {found}; "
                "convert it first, or name the adapter of its format"
            )
        event_ids = tables.read_table(file["Events"], "event_id", EVENT_ID)
        names = [name.removesuffix("_group") for name in file["Data"] if name.endswith("_group")]
        known = sorted(name for name in names if _is_known(name))
        # a name that two links bear has lost its product to another
        twice = sorted(name for name in set(known) if known.count(name) > 1)
        if twice:
            raise StoreError(f"{path}: has two products {twice[0]}; {AGAIN}")
        return event_ids, {name: file[f"Data/{name}_group"] for name in known}
    except StoreError:
        raise
    except ColumnError as error:
        raise StoreError(f"{path}: {error}; {error.remedy}") from None
    except UNREADABLE as error:
        raise StoreError(f"{path}: cannot be read ({one_line(error)}); {AGAIN}") from None


def _is_known(name: str) -> bool:
    try:
        product_kind(name)
    except ValueError:
        return False
    return name.isprintable()


def _read_product(name: str, group: h5py.Group, tables: _Datasets) -> ProductIndex:
    """Tables and layout of one product; a ColumnError says what is wrong, without saying where."""
    kind = KINDS[product_kind(name)]
    if not isinstance(group, h5py.Group):
        raise ColumnError("is not a group")
    try:
        found = {table: tables.read_table(group, table, dtype) for table, dtype in table_types(name).items()}
        if kind.column not in group:
            raise ColumnError(f"has no {kind.column}")
        column = group[kind.column]
        if not isinstance(column, h5py.Dataset) or column.ndim != 1:
            raise ColumnError(f"{kind.column} is not a list")
        # only types whose bytes are what they seem: HDF5 would convert others without a word
        dtype = next((dtype for dtype in column_types(name) if _has_type(column.id.get_type(), dtype)), None)
        if dtype is None:
            raise ColumnError(f"{kind.column} are stored as {column.dtype}, which larcv3 does not know")
        try:
            return ProductIndex(name, found, kind.column, tables.layout(column))
        except ColumnError as error:
            raise ColumnError(f"{kind.column}: {error}", error.remedy) from None
    except UNREADABLE as error:
        raise ColumnError(f"cannot be read ({one_line(error)})") from None


def _has_type(stored: h5py.h5t.TypeID, dtype: np.dtype[Any]) -> bool:
    """Whether a stored type is bit for bit a numpy one; strings may be padded either way."""
    if dtype.fields is None:
        base, shape = dtype.subdtype or (dtype, ())
        if shape:
            is_array = isinstance(stored, h5py.h5t.TypeArrayID) and stored.get_array_dims() == shape
            return is_array and _has_type(stored.get_super(), base)
        if base.kind == "S":
            return isinstance(stored, h5py.h5t.TypeStringID) and stored.get_size() == base.itemsize
        return bool(stored.equal(h5py.h5t.py_create(base)))
    if not isinstance(stored, h5py.h5t.TypeCompoundID) or stored.get_size() != dtype.itemsize:
        return False
    names = tuple(stored.get_member_name(i).decode() for i in range(stored.get_nmembers()))
    return names == dtype.names and all(
        stored.get_member_offset(i) == dtype.fields[name][1]
        and _has_type(stored.get_member_type(i), dtype.fields[name][0])
        for i, name in enumerate(names)
    )


def _product_faults(path: Path, product: ProductIndex, *, num_events: int) -> Iterator[Fault]:
    """Everything that tables can show to be wrong."""
    kind = KINDS[product_kind(product.name)]

    def fault(what: str, event: int | None = None) -> Fault:
        return Fault(path, what, AGAIN, product.name, event)

    if len(product.tables["extents"]) != num_events:
        yield fault(f"has {len(product.tables['extents'])} events, Events/event_id has {num_events}")
        return
    sizes = [len(product.tables[level]) for level in kind.levels] + [product.layout.rows]
    for level, (upper, lower) in enumerate(pairwise([*kind.levels, kind.column])):
        counted, stored = int(product.starts[level][-1]), sizes[level + 1]
        if counted != stored:
            yield fault(f"{upper} counts {counted} rows of {lower}, {stored} are stored")
            return
        table, starts = product.tables[upper], product.starts[level][:-1]
        wrong = np.flatnonzero((table["N"] > 0) & (table["first"].astype(np.int64) != starts))
        if len(wrong):
            row = int(wrong[0])
            event = _event_of(product, level, row)
            yield fault(
                f"{upper} row {row} starts at {table['first'][row]}, not at {starts[row]} where the one before ends",
                event,
            )
            return
    if kind.metas:
        yield from _meta_faults(product, fault, second=sizes[1])


def _meta_faults(product: ProductIndex, fault: Any, *, second: int) -> Iterator[Fault]:
    """There is one for each image, and images must have a shape that their sites fit in."""
    metas = product.tables["image_meta"]
    if len(metas) != second:
        yield fault(f"image_meta has {len(metas)} rows, there are {second} projections")
        return
    if product.column != "voxels":
        return
    shapes = metas["number_of_voxels"].astype(np.float64)
    total = shapes.prod(axis=1)
    wrong = np.flatnonzero((shapes < 1).any(axis=1) | (total >= 2.0**62))
    if len(wrong):
        row = int(wrong[0])
        yield fault(
            f"projection {row} has the shape {metas['number_of_voxels'][row].tolist()}", _event_of(product, 1, row)
        )
    elif product.name.startswith("sparse"):
        sites = np.diff(product.starts[1])
        crowded = np.flatnonzero(sites > total)
        if len(crowded):
            row = int(crowded[0])
            yield fault(
                f"projection {row} has {sites[row]} sites, more than its image of {total[row]:.0f}",
                _event_of(product, 1, row),
            )


def _event_of(product: ProductIndex, level: int, row: int) -> int:
    """The event that row `row` of a level belongs to; level 0 are the events themselves."""
    for starts in reversed(product.starts[:level]):
        row = int(np.searchsorted(starts, row, side="right")) - 1
    return row
