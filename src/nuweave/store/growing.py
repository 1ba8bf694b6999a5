"""Tables that grow row by row in an HDF5 file, deflated."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.deflate import deflate_chunks, field_bytes

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
        self._dtype, self._chunk = dtype, chunk
        self._is_field = field_bytes(dtype)
        self._written = 0
        self._waiting: list[NDArray[Any]] = []
        self._num_waiting = 0

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._written + self._num_waiting

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows; those that fill no chunk wait."""
        self._waiting.append(np.ascontiguousarray(rows, self._dtype))
        self._num_waiting += len(rows)
        if self._num_waiting >= CHUNKS_AT_ONCE * self._chunk:
            self._write(self._num_waiting // self._chunk * self._chunk)

    def flush(self) -> None:
        """Write what waits; the last thing to do."""
        if self._num_waiting:
            self._write(self._num_waiting)

    def _write(self, num: int) -> None:
        """Write the first `num` rows of those that wait: whole chunks, or all."""
        itemsize, num_chunks = self._dtype.itemsize, -(-num // self._chunk)
        rows = np.concatenate([part.view(np.uint8) for part in self._waiting])
        whole = rows[: num * itemsize]
        if num % self._chunk:  # only at the end
            whole = np.pad(whole, (0, (num_chunks * self._chunk - num) * itemsize))
        first = self._written
        self.dataset.resize((first + num,))
        for chunk, stored in enumerate(deflate_chunks(whole, self._is_field, self._chunk * itemsize)):
            self.dataset.id.write_direct_chunk((first + chunk * self._chunk,), stored)
        rest = rows[num * itemsize :].copy()
        self._written, self._waiting, self._num_waiting = first + num, [rest], self._num_waiting - num
