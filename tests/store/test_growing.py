"""A table that grows: whatever is appended when, the rows and the bytes of the file are the same."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from nuweave.store.growing import GrowingTable

ROW = np.dtype({"names": ["a", "b"], "formats": ["u8", "f4"], "offsets": [0, 8], "itemsize": 16})


def write(path: Path, sizes: list[int]) -> bytes:
    """Rows 0, 1, 2, ... in pieces, with other bytes between the fields each time."""
    rows = np.frombuffer(np.random.default_rng(len(sizes)).bytes(16 * sum(sizes)), ROW).copy()
    rows["a"], rows["b"] = np.arange(len(rows)), 0.5
    with h5py.File(path, "w") as file:
        table = GrowingTable(file, "rows", ROW, chunk=10)
        for size, end in zip(sizes, np.cumsum(sizes), strict=True):
            table.append(rows[end - size : end])
            assert table.rows == end
        table.flush()
    return path.read_bytes()


def test_rows_are_those_appended_and_bytes_hang_on_nothing_else(tmp_path: Path) -> None:
    files = [write(tmp_path / "a.h5", sizes) for sizes in ([205], [1, 79, 100, 25], [0, 5, *[20] * 10])]
    assert files[0] == files[1] == files[2]
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["rows"]["a"].tolist() == list(range(205))
        assert file["rows"].chunks == (10,)


def test_a_table_without_rows_is_there(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", [])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["rows"].shape == (0,)
