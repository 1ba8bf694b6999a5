"""Where every event of a larcv3 file lies: tables whole, columns as addresses.

The tables are a CSR index of several levels: an event -> projections -> (clusters ->) voxels. `starts[k][i]` is the row
of the next level at which row i of level k begins, so an event's slice of the column is two look-ups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.store.columns import Layout
from nuweave.store.files import FileState
from nuweave.store.schema import KINDS, product_kind


@dataclass(frozen=True)
class ProductIndex:
    """One product of a file.

    Attributes:
        name: "sparse2d_image".
        tables: level -> its rows (EXTENTS, ID_EXTENTS), and image_meta where the kind has it.
        column: name of the last level.
        layout: how the column lies in the file.
        starts: for each level, int64[rows + 1]: where its rows begin in the next one.
        event_rows: int64[events + 1], where the rows of each event begin in the column.
    """

    name: str
    tables: Mapping[str, NDArray[Any]]
    column: str
    layout: Layout

    @cached_property
    def starts(self) -> tuple[NDArray[np.int64], ...]:
        levels = (self.tables[level]["N"] for level in KINDS[product_kind(self.name)].levels)
        return tuple(np.concatenate([[0], np.cumsum(counts.astype(np.int64))]) for counts in levels)

    @cached_property
    def event_rows(self) -> NDArray[np.int64]:
        rows = self.starts[-1]
        for upper in reversed(self.starts[:-1]):
            rows = rows[upper]
        return rows

    @property
    def num_images(self) -> NDArray[np.int64]:
        """int64[events], rows of the second level: projections of an event."""
        return np.diff(self.starts[0])


@dataclass(frozen=True)
class FileIndex:
    """All that must be known of a file before its rows are read.

    Attributes:
        path: the file.
        state: size, time and inode when it was indexed.
        event_ids: EVENT_ID[events].
        products: name -> index.
    """

    path: Path
    state: FileState
    event_ids: NDArray[Any]
    products: Mapping[str, ProductIndex]

    @property
    def digest(self) -> str:
        """SHA-256 of event ids and tables: what the file says it holds, wherever it lies and however it is stored."""
        digest = hashlib.sha256(self.event_ids.tobytes())
        for name in sorted(self.products):
            digest.update(name.encode())
            for table in self.products[name].tables.values():
                for field in table.dtype.names or ():
                    if field != "first":  # follows from N, and is nothing where N is 0
                        digest.update(table[field].tobytes())
        return digest.hexdigest()
