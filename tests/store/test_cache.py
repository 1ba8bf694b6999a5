"""An index is cached beside its file, and only as long as it is true."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.store import StoreError
from nuweave.store.cache import cache_path, open_index
from tests.store import samples
from tests.store.samples import IMAGE


def test_the_index_is_cached_beside_the_file_and_used(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    first = open_index(path)
    assert [file.name for file in tmp_path.iterdir() if file != path] == [cache_path(path).name]
    assert cache_path(path).name == ".a.h5.index.npz"
    state = path.stat()
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # as if nothing had been written
    second = open_index(path)
    assert (second.digest, second.event_ids.tolist()) == (first.digest, first.event_ids.tolist())
    for name, product in first.products.items():
        cached = second.products[name].layout
        assert (cached.way, cached.dtype, cached.rows) == (
            product.layout.way,
            product.layout.dtype,
            product.layout.rows,
        )
        assert (cached.filters, cached.chunk_rows) == (product.layout.filters, product.layout.chunk_rows)
        assert np.array_equal(cached.chunks, product.layout.chunks)


def test_the_cached_index_is_renewed_when_the_file_is_another(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    open_index(path)
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    stamp = cache_path(path).read_bytes()
    open_index(path)
    assert cache_path(path).read_bytes() != stamp
    samples.write(path, ((1, 1),))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert len(open_index(path).event_ids) == 1


def test_a_damaged_cache_is_not_used_and_renewed(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    digest = open_index(path).digest
    whole = cache_path(path).read_bytes()
    for damaged in (b"", bytes(100), whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1])):
        cache_path(path).write_bytes(damaged)
        assert open_index(path).digest == digest
        assert cache_path(path).read_bytes() == whole


def test_where_no_cache_can_be_written_none_is_needed(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    (cache_path(path) / "in the way").mkdir(parents=True)  # a mode would not stop root
    assert open_index(path).digest == open_index(path).digest
    assert sorted(file.name for file in tmp_path.iterdir()) == [cache_path(path).name, "a.h5"]


def test_a_faulty_file_leaves_no_cache(tmp_path: Path) -> None:
    samples.write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file[f"Data/{IMAGE}_group/extents"].resize((1,))
    with pytest.raises(StoreError):
        open_index(tmp_path / "a.h5")
    assert not cache_path(tmp_path / "a.h5").exists()


def test_a_directory_that_is_marked_read_only_keeps_no_cache(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    tmp_path.chmod(0o555)  # which would not stop root
    try:
        assert len(open_index(path).event_ids) > 0
        assert not cache_path(path).exists()
    finally:
        tmp_path.chmod(0o755)
