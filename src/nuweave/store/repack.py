"""Events of larcv3 files in one compact file that larcv still reads: HDF5 converts its types by the names of fields.

A voxel of 16 bytes takes 8 or 5: 32-bit ids where they number all sites of an image, one byte a value where all values
of a product are whole numbers from 0 to 255. Nothing is rounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.cache import cache_path, open_index
from nuweave.store.check import event_faults
from nuweave.store.columns import Layout
from nuweave.store.files import DamagedEventError, FileState, StoreError, write_aside
from nuweave.store.growing import DEFLATED
from nuweave.store.index import FileIndex, ProductIndex
from nuweave.store.reader import ShardReader
from nuweave.store.schema import COMPACT_LABEL, COMPACT_VOXEL, KINDS, WIDE_LABEL, WIDE_VOXEL, product_kind
from nuweave.store.sites import MAX_NARROW_ID
from nuweave.store.sums import Checksums, block_events, make_sums, write_sums
from nuweave.store.writer import CHUNK_ROWS

MAX_OPEN = 64
BLOCKS_AT_ONCE = 16  # of a mebibyte each (see sums), in memory at a time
ARCHIVE_CHUNK_ROWS, ARCHIVE_CHUNK_BYTES = 2**14, 2**17  # no chunk has more of either
ARCHIVE_LEVEL = 4  # 0.60 of larcv's size; 1 gives 0.63 in 0.8 of the time, 6 gives 0.59 in 1.4


def repack(
    shards: Sequence[Path], picks: NDArray[np.int64], out: Path, *, layout: Literal["contiguous", "archive"]
) -> None:
    """Copy events into one compact file, with its checksums beside it.

    Args:
        shards: larcv3 files with the same products.
        picks: int64[M, 2]; number of the shard and position in it, in the order that the events shall have.
        out: the file to make.
        layout: "contiguous" can be mapped; "archive" is deflated.
    Raises:
        IndexError: a shard has no such event.
        StoreError: a shard cannot be read, changes meanwhile, or differs from the others in products or shape.
        DamagedEventError: an event cannot be read, is wrong, or its image and label have different sites.
    """
    with _Shards(shards) as sources, write_aside(out) as aside:
        plan = _plan(sources, picks, out)
        with h5py.File(aside, "w", libver=("earliest", "v110")) as file:  # larcv reads files of HDF5 1.10 and older
            columns = _create(file, plan, layout)
            for first, rows in _blocks(sources, picks, plan):
                for name, found in rows.items():
                    start = int(plan.products[name].event_rows[first])
                    columns[name][start : start + len(found)] = found
        # a reader may meet the new checksums with the old file, which it refuses; never the new file without them
        write_sums(out, _read_back(aside))


def every_event(shards: Sequence[Path]) -> NDArray[np.int64]:
    """Picks of all events of some files, in their order; int64[M, 2].

    Raises:
        StoreError: a file cannot be opened.
    """
    counts = [len(open_index(shard).event_ids) for shard in shards]
    entries = np.concatenate([np.arange(count) for count in counts])
    return np.column_stack([np.repeat(np.arange(len(counts)), counts), entries])


def shuffled(picks: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The same picks, in an order that the seed fixes."""
    return picks[np.random.Generator(np.random.Philox(seed)).permutation(len(picks))]


class _Shards:
    """Larcv3 files, the index of each in memory; those read last are open."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.indexes = [open_index(path) for path in paths]
        self._open: OrderedDict[int, ShardReader] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._open.values():
            reader.close()

    def __getitem__(self, shard: int) -> ShardReader:
        """A file, open and not changed since it was indexed.

        Raises:
            StoreError: it was changed, or cannot be opened any more.
        """
        if shard not in self._open:
            if len(self._open) == MAX_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[shard] = ShardReader(self.indexes[shard].path)
        self._open.move_to_end(shard)
        reader = self._open[shard]
        reader.require_unchanged()
        if reader.index.state != self.indexes[shard].state:
            raise StoreError(f"{reader.path}: was changed or replaced while it was repacked; repack it again")
        return reader


def _plan(sources: _Shards, picks: NDArray[np.int64], out: Path) -> FileIndex:
    """The index of the file to make: its events, its tables and the types of its columns."""
    _require_alike(sources)
    numbers, entries = picks.T
    counts = np.array([len(index.event_ids) for index in sources.indexes])
    outside = np.flatnonzero((entries < 0) | (entries >= counts[numbers]))
    if len(outside):
        number, entry = picks[outside[0]]
        path = sources.indexes[number].path
        raise IndexError(f"{path}: event {entry} is out of range, the file has {counts[number]}")
    events = (np.cumsum(counts) - counts)[numbers] + entries  # as if the shards, one after another, were one file
    products = {}
    for name, first in sources.indexes[0].products.items():
        tables = _select(name, [index.products[name] for index in sources.indexes], events)
        dtype = _voxel_type(sources, picks, name, tables) if first.column == "voxels" else first.layout.dtype
        levels = KINDS[product_kind(name)].levels
        num_rows = int(tables[levels[-1]]["N"].sum(dtype=np.int64))
        products[name] = ProductIndex(name, tables, first.column, Layout("mapped", dtype, num_rows))
    event_ids = np.concatenate([index.event_ids for index in sources.indexes])[events]
    return FileIndex(out, FileState(0, 0, 0), event_ids, products)


def _require_alike(sources: _Shards) -> None:
    """All shards must have the same products, and all images of a sparse product the same shape."""
    first = sources.indexes[0]
    geometries: dict[str, tuple[Path, Any]] = {}
    for number, index in enumerate(sources.indexes):
        differ = sorted(set(index.products) ^ set(first.products))
        if differ:
            raise StoreError(
                f"{first.path} and {index.path} differ in products: only one of them has {', '.join(differ)}; "
                "convert all sources with the same settings"
            )
        for name, product in index.products.items():
            if name.startswith("sparse") and product.num_images.any():
                geometry = sources[number].geometry(name)
                path, known = geometries.setdefault(name, (index.path, geometry))
                if geometry != known:
                    raise StoreError(
                        f"{path} and {index.path} differ in the shape or number of their images; "
                        "convert all sources with the same detector and down-sampling"
                    )


def _select(name: str, parts: Sequence[ProductIndex], events: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Tables of a product that hold chosen events only.

    Args:
        name: of the product.
        parts: its index in each shard.
        events: int64[M], positions in the shards one after another.
    """
    kind = KINDS[product_kind(name)]
    tables: dict[str, NDArray[Any]] = {}
    rows = events
    for depth, level in enumerate(kind.levels):
        counts = np.concatenate([part.tables[level]["N"] for part in parts]).astype(np.int64)
        starts = np.cumsum(counts) - counts
        tables[level] = _take([part.tables[level] for part in parts], rows)
        tables[level]["first"] = np.cumsum(counts[rows]) - counts[rows]
        if kind.metas and depth == 1:
            tables["image_meta"] = _take([part.tables["image_meta"] for part in parts], rows)
        if level != kind.levels[-1]:
            rows = _ranges(starts[rows], counts[rows])
    return tables


def _take(tables: Sequence[NDArray[Any]], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Some rows of tables one after another."""
    taken = np.zeros(len(rows), tables[0].dtype)  # zeros, or what lies between the fields is left to chance
    taken[:] = np.concatenate(tables)[rows]
    return taken


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """start, start + 1, ... of each range, one range after another; int64[sum of counts]."""
    return np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())


def _voxel_type(
    sources: _Shards, picks: NDArray[np.int64], name: str, tables: Mapping[str, NDArray[Any]]
) -> np.dtype[Any]:
    """The smallest compound that holds every id and value of a product."""
    num_ids = int(tables["image_meta"]["number_of_voxels"].prod(axis=1).max(initial=0))
    in_reading_order = picks[np.lexsort(picks[:, ::-1].T)].tolist()
    fits = all(_are_bytes(sources[shard].event_rows(name, entry)["value"]) for shard, entry in in_reading_order)
    if num_ids <= MAX_NARROW_ID:
        return COMPACT_LABEL if fits else COMPACT_VOXEL
    return WIDE_LABEL if fits else WIDE_VOXEL


def _are_bytes(values: NDArray[Any]) -> bool:
    """Whether values come back bit for bit (-0.0 does not) from one byte each."""
    values = values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        back = values.astype(np.uint8).astype(np.float32)
    return np.array_equal(values.view(np.uint32), back.view(np.uint32))


def _create(file: h5py.File, plan: FileIndex, layout: Literal["contiguous", "archive"]) -> dict[str, h5py.Dataset]:
    """Write the tables and make room for the columns; product -> column."""
    small = {**DEFLATED, "chunks": (CHUNK_ROWS,)}
    file.create_dataset("Events/event_id", data=plan.event_ids, **small)
    columns = {}
    for name, product in plan.products.items():
        group = file.create_group(f"Data/{name}_group")
        for table, rows in product.tables.items():
            group.create_dataset(table, data=rows, **small)
        dtype, settings = product.layout.dtype, {}
        if layout == "archive":
            chunk = min(ARCHIVE_CHUNK_ROWS, ARCHIVE_CHUNK_BYTES // dtype.itemsize)
            settings = {**DEFLATED, "compression_opts": ARCHIVE_LEVEL, "chunks": (chunk,)}
        columns[name] = group.create_dataset(product.column, shape=(product.layout.rows,), dtype=dtype, **settings)
    return columns


def _blocks(
    sources: _Shards, picks: NDArray[np.int64], plan: FileIndex
) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """The new columns, some events at a time.

    Yields:
        the first event, and product -> rows of this and the next events.
    """
    edges = block_events(plan)
    for first, last in pairwise([*edges[:-1:BLOCKS_AT_ONCE].tolist(), int(edges[-1])]):
        lows = {name: product.event_rows[first : last + 1] for name, product in plan.products.items()}
        rows = {
            name: np.zeros(lows[name][-1] - lows[name][0], product.layout.dtype)
            for name, product in plan.products.items()
        }
        for place in np.lexsort(picks[first:last, ::-1].T).tolist():
            shard, entry = picks[first + place].tolist()
            for name, found in _read_event(sources[shard], entry).items():
                low, high = lows[name][place : place + 2] - lows[name][0]
                into = rows[name][low:high]
                if plan.products[name].column == "voxels":
                    into["id"], into["value"] = found["id"], found["value"]
                else:
                    into[:] = found
        yield first, rows


def _read_event(reader: ShardReader, event: int) -> dict[str, NDArray[Any]]:
    """All rows of an event, looked at; product -> rows."""
    rows = {name: reader.event_rows(name, event) for name in reader.products}
    for fault in event_faults(reader.index, event, rows):
        raise DamagedEventError(fault)
    return rows


def _read_back(path: Path) -> Checksums:
    """The checksums of a file that was just written; nothing else is left beside it."""
    try:
        with ShardReader(path, verify=False) as reader:
            return make_sums(reader.index, reader.rows)
    finally:
        cache_path(path).unlink(missing_ok=True)
