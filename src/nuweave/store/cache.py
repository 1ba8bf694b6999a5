"""The index of a file, kept beside it, so that only the first reader scans the file."""

from __future__ import annotations

import hashlib
import io
import json
import stat
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.columns import Layout
from nuweave.store.files import FileState, StoreError, file_state, write_aside
from nuweave.store.index import FileIndex, ProductIndex
from nuweave.store.scan import scan
from nuweave.store.schema import KINDS, product_kind, table_types

INDEX_VERSION = 1
DIGEST_BYTES = hashlib.sha256().digest_size
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def open_index(path: Path) -> FileIndex:
    """The index of a file: from the cache beside it where that is of this very file, else made anew and cached.

    Raises:
        StoreError: the file is missing, empty, truncated, not HDF5, not larcv3, or its tables contradict each other.
    """
    state = file_state(path)
    cached = _read_cache(path, state)
    if cached is not None:
        return cached
    index, faults = scan(path)
    if faults:
        raise StoreError(str(faults[0]))
    if file_state(path) != state:
        raise StoreError(f"{path}: changed while it was opened; wait until it is written, then start again")
    _write_cache(index)
    return index


def cache_path(path: Path) -> Path:
    """Where the index of a file is kept."""
    return path.with_name(f".{path.name}.index.npz")


def _read_cache(path: Path, state: FileState) -> FileIndex | None:
    """The cached index, if it is whole, of this version and of a file of this size and time."""
    try:
        stored = cache_path(path).read_bytes()
    except OSError:
        return None
    content, digest = stored[:-DIGEST_BYTES], stored[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as cache:
        head = json.loads(cache["head"].tobytes())
        if head["key"] != [INDEX_VERSION, state.size, state.mtime_ns]:
            return None
        products = {}
        for name, product in head["products"].items():
            tables = {table: cache[f"{name}/{table}"].view(dtype) for table, dtype in table_types(name).items()}
            layout = Layout(
                way=product["way"],
                dtype=h5py.h5t.decode(cache[f"{name}/type"].tobytes()).dtype,
                rows=product["rows"],
                offset=product["offset"],
                chunk_rows=product["chunk_rows"],
                filters=tuple(product["filters"]),
                chunks=cache[f"{name}/chunks"],
            )
            products[name] = ProductIndex(name, tables, KINDS[product_kind(name)].column, layout)
        return FileIndex(path, state, cache["event_ids"], products)


def _write_cache(index: FileIndex) -> None:
    """Keep the index for the next reader, with its SHA-256; a directory that is not to be written to keeps none."""
    if not index.path.parent.stat().st_mode & WRITABLE:
        return  # root could write there all the same
    arrays: dict[str, NDArray[Any]] = {"event_ids": index.event_ids}
    products = {}
    for name, product in index.products.items():
        layout = product.layout
        arrays |= {f"{name}/{table}": rows.view(np.uint8) for table, rows in product.tables.items()}
        arrays[f"{name}/chunks"] = layout.chunks
        arrays[f"{name}/type"] = np.frombuffer(h5py.h5t.py_create(layout.dtype).encode(), np.uint8)
        products[name] = {
            "way": layout.way,
            "rows": layout.rows,
            "offset": layout.offset,
            "chunk_rows": layout.chunk_rows,
            "filters": layout.filters,
        }
    head = {"key": [INDEX_VERSION, index.state.size, index.state.mtime_ns], "products": products}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    try:
        with write_aside(cache_path(index.path)) as aside:
            aside.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())
    except OSError:
        return
