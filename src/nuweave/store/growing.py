"""Tables that grow row by row in an HDF5 file, deflated."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

DEFLATED = {"maxshape": (None,), "compression": "gzip", "compression_opts": 1, "shuffle": True}
CHUNKS_AT_ONCE = 8


class GrowingTable:
    """One dataset under construction; rows are gathered until there are some whole chunks, so that each is made once.

    Args:
        group: where the dataset is made.
        name: of the dataset.
        dtype: of a row.
        chunk: rows a chunk.
    """

    def __init__(self, group: h5py.Group, name: str, dtype: np.dtype[Any], *, chunk: int) -> None:
        self.dataset = group.create_dataset(name, shape=(0,), dtype=dtype, chunks=(chunk,), **DEFLATED)
        self._chunk = chunk
        self._written = 0
        self._waiting: list[NDArray[Any]] = []
        self._num_waiting = 0

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._written + self._num_waiting

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows; those that fill no chunk wait."""
        self._waiting.append(rows)
        self._num_waiting += len(rows)
        if self._num_waiting >= CHUNKS_AT_ONCE * self._chunk:
            self._write(self._num_waiting // self._chunk * self._chunk)

    def flush(self) -> None:
        """Write what waits."""
        if self._num_waiting:
            self._write(self._num_waiting)

    def _write(self, num: int) -> None:
        """Write the first `num` rows of those that wait."""
        rows = np.zeros(self._num_waiting, self.dataset.dtype)  # zeros, or the bytes between fields are left to chance
        np.concatenate(self._waiting, out=rows)
        end = self._written + num
        self.dataset.resize((end,))
        self.dataset[self._written : end] = rows[:num]
        self._written, self._waiting, self._num_waiting = end, [rows[num:].copy()], len(rows) - num
