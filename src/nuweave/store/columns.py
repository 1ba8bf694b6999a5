"""Rows of one dataset, in one of three ways that the dataset's own properties choose. All give the same bytes.

mapped    contiguous: a memory map, nothing is copied
inflated  chunks, stored as they are or deflated, shuffled or not: positioned reads and libdeflate's inflate, both
          outside HDF5's lock and Python's, so that threads add up
hdf5      anything else, by h5py
"""

from __future__ import annotations

import mmap
import os
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.files import AGAIN, UNREADABLE, one_line, open_h5
from nuweave.store.inflate import ALL_RIGHT, inflate_chunks

DEFLATE, SHUFFLE = 1, 2  # HDF5's numbers of the two filters
FIELD_CHUNKS = 64  # that are in memory at once while a field is read
MAX_INFLATION = 1032  # deflate makes 258 bytes of two bits at the best
OTHER_FILTER = "set HDF5_PLUGIN_PATH to where they are, or write the file with gzip"
Way = Literal["mapped", "inflated", "hdf5"]


class ColumnError(Exception):
    """Rows cannot be read; says what is wrong, and the remedy; the reader adds where."""

    def __init__(self, what: str, remedy: str = AGAIN) -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class Layout:
    """How a dataset lies in its file.

    Attributes:
        way: how it is read.
        dtype: of a row.
        rows: their number.
        offset: position of the first byte, where the way is "mapped".
        chunk_rows: rows a chunk, where it is "inflated"; the last chunk is stored whole.
        filters: HDF5's numbers of the filters, in the order of writing.
        chunks: int64[3, chunks]; position of the first byte, stored bytes, and bit i set where filter i was left out.
    """

    way: Way
    dtype: np.dtype[Any]
    rows: int
    offset: int = 0
    chunk_rows: int = 0
    filters: tuple[int, ...] = ()
    chunks: NDArray[np.int64] = field(default_factory=lambda: np.empty((3, 0), np.int64))

    @property
    def spans(self) -> NDArray[np.int64]:
        """int64[2, spans], positions of the first byte and behind the last of all that is stored, where known."""
        if self.way == "mapped":
            return np.array([[self.offset], [self.offset + self.rows * self.dtype.itemsize]], np.int64)[:, : self.rows]
        return np.stack([self.chunks[0], self.chunks[0] + self.chunks[1]])


def find_layout(dataset: h5py.Dataset, *, has_user_block: bool) -> Layout:
    """The layout of a dataset, from its creation properties and chunk table; no row is read.

    Raises:
        ColumnError: not all of its rows are stored in this file.
    """
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    numbers = tuple(int(code) for code, *_ in filters)
    rows, dtype, kind = len(dataset), dataset.dtype, properties.get_layout()
    if kind == h5py.h5d.VIRTUAL or properties.get_external_count():
        raise ColumnError("lies in other files", "write it into one file")
    if kind == h5py.h5d.CONTIGUOUS:
        stored = dataset.id.get_storage_size()
        if stored != rows * dtype.itemsize:
            raise ColumnError(f"{stored} bytes are stored, not {rows} rows of {dtype.itemsize}")
        if not has_user_block:
            return Layout("mapped", dtype, rows, offset=dataset.id.get_offset() or 0)
    if kind == h5py.h5d.CHUNKED:
        chunk_rows = int(dataset.chunks[0])
        chunks = _find_chunks(dataset, rows, chunk_rows)
        # HDF5 shuffles rows by their own size only, but would unshuffle them by any other without a word
        if any(values[:1] != (dtype.itemsize,) for code, _, values, _ in filters if code == SHUFFLE):
            raise ColumnError(f"is shuffled by another size than the {dtype.itemsize} bytes of a row")
        if numbers in ((), (DEFLATE,), (SHUFFLE,), (SHUFFLE, DEFLATE)) and not has_user_block:
            return Layout("inflated", dtype, rows, chunk_rows=chunk_rows, filters=numbers, chunks=chunks)
    return Layout("hdf5", dtype, rows, filters=numbers)


def _find_chunks(dataset: h5py.Dataset, rows: int, chunk_rows: int) -> NDArray[np.int64]:
    """Layout.chunks. For a chunk that is not stored HDF5 would give zeros without a word."""
    found: list[tuple[int, int, int, int]] = []
    dataset.id.chunk_iter(
        lambda chunk: found.append((chunk.chunk_offset[0], chunk.byte_offset, chunk.size, chunk.filter_mask))
    )
    starts, *chunks = np.array(sorted(found), np.int64).reshape(-1, 4).T
    if len(starts) != -(-rows // chunk_rows) or not np.array_equal(starts, np.arange(len(starts)) * chunk_rows):
        raise ColumnError(f"{len(starts)} chunks are stored, not one for each {chunk_rows} of {rows} rows")
    return np.stack(chunks)


def layout_fault(layout: Layout, *, file_size: int) -> ColumnError | None:
    """What is wrong with the addresses of a column, without reading a row; None where nothing is."""
    low, high = layout.spans
    outside = np.flatnonzero((low <= 0) | (high > file_size) | (high <= low))
    if len(outside):
        first = int(outside[0])
        return ColumnError(f"bytes {low[first]} to {high[first]} lie outside the file of {file_size}")
    if layout.way == "inflated":
        chunk_bytes = layout.chunk_rows * layout.dtype.itemsize
        if len(low) and chunk_bytes > MAX_INFLATION * int((high - low).min()):
            return ColumnError(f"{(high - low).min()} stored bytes cannot be a chunk of {chunk_bytes}")
        # HDF5 leaves out a filter that failed; shuffle cannot fail, and nothing else would show that its bit is wrong
        if SHUFFLE in layout.filters and (layout.chunks[2] >> layout.filters.index(SHUFFLE) & 1).any():
            return ColumnError("a chunk says that it was not shuffled")
    missing = [code for code in layout.filters if not h5py.h5z.filter_avail(code)]
    if missing:
        return ColumnError(f"is stored with the HDF5 filters {missing}, which are not installed", OTHER_FILTER)
    return None


class Column(Protocol):
    """Rows of a dataset, open for reading by any number of threads."""

    def read(self, low: int, high: int) -> NDArray[Any]:
        """Rows low to high, which must exist.

        Raises:
            ColumnError: they cannot be read.
        """


class MappedColumn:
    """Contiguous rows: a view of the page cache, nothing is copied. A file that shrinks must not be touched."""

    def __init__(self, descriptor: int, layout: Layout) -> None:
        self._rows: NDArray[Any] = np.empty(0, layout.dtype)
        if layout.rows:
            try:
                pages = mmap.mmap(descriptor, int(layout.spans[1, 0]), access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise ColumnError(one_line(error)) from None
            self._rows = np.frombuffer(pages, layout.dtype, layout.rows, layout.offset)

    def read(self, low: int, high: int) -> NDArray[Any]:
        return self._rows[low:high]


class InflatedColumn:
    """Chunked rows. The chunks read last are kept: small events that follow each other lie in one."""

    def __init__(self, descriptor: int, layout: Layout) -> None:
        self._descriptor, self._layout = descriptor, layout
        self._last = (0, np.empty(0, layout.dtype))

    def read(self, low: int, high: int) -> NDArray[Any]:
        first_row, rows = self._last  # one look, for another thread may replace it
        if low == high:
            return rows[:0]
        if low < first_row or high > first_row + len(rows):
            step = self._layout.chunk_rows
            first_row, rows = low // step * step, self._inflate(low // step, -(-high // step))
            self._last = (first_row, rows)
        return rows[low - first_row : high - first_row]

    def read_field(self, name: str) -> NDArray[Any]:
        """A field of all rows, in a fraction of the time of all fields where it is one of the first.

        Bytes of shuffled rows lie field by field: a chunk is inflated no farther than the field goes.
        """
        layout, found = self._layout, []
        kind, offset = _field_of(layout.dtype, name)
        if layout.filters != (SHUFFLE, DEFLATE) or layout.chunks[2].any():
            step = FIELD_CHUNKS * layout.chunk_rows
            parts = [self.read(low, min(low + step, layout.rows))[name].copy() for low in range(0, layout.rows, step)]
            return np.concatenate([np.zeros(0, kind), *parts])
        low, high = offset * layout.chunk_rows, (offset + kind.itemsize) * layout.chunk_rows
        for chunk, (address, size) in enumerate(layout.chunks[:2].T):
            stored = _read_spans(self._descriptor, np.array([address]), np.array([size]))
            try:
                planes = zlib.decompressobj().decompress(stored.tobytes(), high)[low:]
            except zlib.error as error:
                raise ColumnError(f"chunk {chunk} cannot be inflated ({one_line(error)})") from None
            if len(planes) != high - low:
                raise ColumnError(f"chunk {chunk} ends before its field {name}")
            found.append(np.frombuffer(planes, np.uint8).reshape(kind.itemsize, -1).T.copy().view(kind)[:, 0])
        return np.concatenate([np.zeros(0, kind), *found])[: layout.rows]

    def _inflate(self, first: int, last: int) -> NDArray[Any]:
        """The rows of chunks first to last - 1."""
        layout = self._layout
        addresses, sizes, masks = layout.chunks[:, first:last]
        stored = _read_spans(self._descriptor, addresses, sizes)
        chunk_bytes = layout.chunk_rows * layout.dtype.itemsize
        out = np.empty((last - first) * chunk_bytes, np.uint8)
        applied = {code: masks >> layout.filters.index(code) & 1 == 0 for code in layout.filters}
        none = np.zeros(last - first, bool)
        bad = inflate_chunks(
            stored,
            np.cumsum(sizes) - sizes,
            sizes,
            applied.get(DEFLATE, none),
            applied.get(SHUFFLE, none),
            layout.dtype.itemsize,
            chunk_bytes,
            out,
        )
        if bad != ALL_RIGHT:
            raise ColumnError(f"chunk {first + bad} is not {chunk_bytes} bytes of rows, or its checksum is wrong")
        return out.view(layout.dtype)


def _field_of(dtype: np.dtype[Any], name: str) -> tuple[np.dtype[Any], int]:
    """Type and place in a row [byte] of a field, which exists."""
    assert dtype.fields is not None
    kind, offset = dtype.fields[name][:2]
    return kind, offset


def _read_spans(descriptor: int, addresses: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Some spans of a file, one after the other; spans that touch are read at once."""
    out = np.empty(int(sizes.sum()), np.uint8)
    cuts = np.flatnonzero(addresses[1:] != addresses[:-1] + sizes[:-1]) + 1
    ends = np.cumsum(sizes)
    for first, last in pairwise([0, *cuts.tolist(), len(sizes)]):
        into, at = out[ends[first] - sizes[first] : ends[last - 1]], int(addresses[first])
        while len(into):
            try:
                num = os.preadv(descriptor, [into.data], at)
            except OSError as error:
                raise ColumnError(one_line(error)) from None
            if num == 0:
                raise ColumnError(f"the file ends before byte {at + len(into)}: it was cut short while open")
            into, at = into[num:], at + num
    return out


class Hdf5Column:
    """Rows as HDF5 gives them, with its filters and its lock."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = open_h5(path)
        try:
            self._dataset = self._file[name]
        except UNREADABLE as error:
            raise ColumnError(one_line(error)) from None

    def read(self, low: int, high: int) -> NDArray[Any]:
        try:
            rows: NDArray[Any] = self._dataset[low:high]
        except UNREADABLE as error:
            raise ColumnError(one_line(error)) from None
        return rows


def open_column(path: Path, name: str, descriptor: int, layout: Layout) -> Column:
    """The rows of dataset `name`, by the way that its layout says.

    Args:
        path: the file.
        name: "Data/sparse2d_image_group/voxels".
        descriptor: the file, open for reading; it must stay open.
        layout: of the dataset.
    Raises:
        ColumnError, StoreError: it cannot be opened.
    """
    match layout.way:
        case "mapped":
            return MappedColumn(descriptor, layout)
        case "inflated":
            return InflatedColumn(descriptor, layout)
        case "hdf5":
            return Hdf5Column(path, name)
