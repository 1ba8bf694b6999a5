"""Three ways to read rows, chosen by how they are stored, give the same bytes; what cannot be right is refused."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.store.columns import Column, ColumnError, InflatedColumn, Layout, find_layout, layout_fault, open_column
from nuweave.store.schema import VOXEL
from tests.store.samples import SETTINGS

WAYS = {"contiguous": "mapped", "lzf": "hdf5", "fletcher32": "hdf5"}
NAME = "Data/x/voxels"


def voxels(num: int) -> NDArray[Any]:
    rng = np.random.default_rng(5)
    rows = np.zeros(num, VOXEL)
    rows["id"], rows["value"] = rng.integers(0, 2**40, num), rng.uniform(1, 9, num)
    return rows


def store(path: Path, rows: NDArray[Any], **settings: Any) -> Path:
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        file.create_dataset(NAME, data=rows, **settings)
    return path


def layout_of(path: Path) -> Layout:
    with h5py.File(path) as file:
        return find_layout(file[NAME], has_user_block=bool(file.userblock_size))


@contextmanager
def opened(path: Path, layout: Layout | None = None) -> Iterator[Column]:
    with path.open("rb") as file:
        yield open_column(path, NAME, file.fileno(), layout or layout_of(path))


def written_chunk(path: Path, stored: bytes, *, filter_mask: int, **settings: Any) -> Path:
    """A file of one chunk of 16 rows, stored as given."""
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        dataset = file.create_dataset(NAME, (16,), VOXEL, chunks=(16,), **settings)
        dataset.id.write_direct_chunk((0,), stored, filter_mask)
    return path


@pytest.mark.parametrize("num", [0, 1, 16, 100])
@pytest.mark.parametrize("stored", SETTINGS)
def test_the_way_follows_from_the_file_and_gives_the_bytes_that_were_written(
    tmp_path: Path, stored: str, num: int
) -> None:
    rows = voxels(num)
    path = store(tmp_path / "a.h5", rows, **SETTINGS[stored])
    layout = layout_of(path)
    assert (layout.way, layout.rows, layout.dtype) == (WAYS.get(stored, "inflated"), num, VOXEL)
    assert layout_fault(layout, file_size=path.stat().st_size) is None
    with opened(path) as column:
        for low, high in [(0, num), (0, 0), (num, num), (num // 3, num // 2), (num // 2, num), (0, num // 3)]:
            assert column.read(low, high).tobytes() == rows[low:high].tobytes()


def test_rows_that_do_not_compress_are_read_and_so_are_those_whose_filters_were_left_out(tmp_path: Path) -> None:
    noise = np.frombuffer(np.random.default_rng(1).bytes(100 * 16), VOXEL)
    for stored in ("deflated", "shuffled"):
        with opened(store(tmp_path / f"{stored}.h5", noise, **SETTINGS[stored])) as column:
            assert column.read(0, 100).tobytes() == noise.tobytes()
    rows = voxels(16)
    shuffled = rows.view(np.uint8).reshape(16, 16).T.tobytes()
    plain = written_chunk(tmp_path / "plain.h5", rows.tobytes(), filter_mask=1, compression="gzip")
    half = written_chunk(tmp_path / "half.h5", shuffled, filter_mask=2, compression="gzip", shuffle=True)
    for path in (plain, half):
        with opened(path) as column:
            assert column.read(0, 16).tobytes() == rows.tobytes()


def test_a_user_block_moves_all_addresses(tmp_path: Path) -> None:
    rows = voxels(40)
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file.create_dataset(NAME, data=rows)
    with opened(tmp_path / "a.h5") as column:
        assert column.read(3, 40).tobytes() == rows[3:40].tobytes()


def test_a_damaged_chunk_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    rows = voxels(48)
    path = store(tmp_path / "a.h5", rows, **SETTINGS["deflated"])
    layout = layout_of(path)
    with path.open("r+b") as file:
        file.seek(int(layout.chunks[0, 1]) + 30)
        file.write(b"\xff\x00\xff")
    with opened(path, layout) as column:
        assert column.read(0, 16).tobytes() == rows[:16].tobytes()
        with pytest.raises(ColumnError, match="chunk 1 is not 256 bytes of rows, or its checksum is wrong"):
            column.read(0, 48)
        assert column.read(32, 48).tobytes() == rows[32:].tobytes()


def test_a_chunk_that_claims_not_to_be_shuffled_is_refused(tmp_path: Path) -> None:
    deflated = zlib.compress(voxels(16).tobytes())
    path = written_chunk(tmp_path / "a.h5", deflated, filter_mask=1, compression="gzip", shuffle=True)
    fault = layout_fault(layout_of(path), file_size=path.stat().st_size)
    assert "not shuffled" in str(fault)


@pytest.mark.parametrize("stored", ["shuffled", "only_shuffled"])
def test_rows_shuffled_by_another_size_than_theirs_are_refused(tmp_path: Path, stored: str) -> None:
    path = store(tmp_path / "a.h5", voxels(48), **SETTINGS[stored])
    content = path.read_bytes()
    assert content.count(b"shuffle\0\x10") == 1
    path.write_bytes(content.replace(b"shuffle\0\x10", b"shuffle\0\x08"))
    with pytest.raises(ColumnError, match="is shuffled by another size than the 16 bytes of a row"):
        layout_of(path)


def test_a_chunk_that_is_not_stored_is_refused_and_not_read_as_zeros(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset(NAME, (48,), VOXEL, **SETTINGS["deflated"])
        dataset[:16], dataset[32:] = voxels(16), voxels(16)
    with pytest.raises(ColumnError, match="2 chunks are stored, not one for each 16 of 48 rows"):
        layout_of(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset(NAME, (48,), VOXEL)
    with pytest.raises(ColumnError, match="0 bytes are stored, not 48 rows of 16"):
        layout_of(tmp_path / "b.h5")


def test_rows_in_other_files_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(NAME, (4,), VOXEL, external=[(str(tmp_path / "raw"), 0, 64)])
        virtual = h5py.VirtualLayout((4,), VOXEL)
        virtual[:] = h5py.VirtualSource(str(tmp_path / "gone.h5"), "x", (4,))
        file.create_virtual_dataset("Data/virtual", virtual)
        for name in (NAME, "Data/virtual"):
            with pytest.raises(ColumnError, match="lies in other files"):
                find_layout(file[name], has_user_block=False)


def test_addresses_outside_the_file_and_sizes_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "a.h5", voxels(48), **SETTINGS["deflated"])
    layout, size = layout_of(path), path.stat().st_size
    far = replace(layout, chunks=layout.chunks + np.array([[size], [0], [0]]))
    assert "outside the file" in str(layout_fault(far, file_size=size))
    assert "cannot be a chunk of" in str(layout_fault(replace(layout, chunk_rows=2**20), file_size=size))
    contiguous = layout_of(store(tmp_path / "b.h5", voxels(48)))
    assert "outside the file of 100" in str(layout_fault(contiguous, file_size=100))


def test_a_filter_that_is_not_installed_is_named_with_its_remedy() -> None:
    layout = Layout("hdf5", VOXEL, 16, filters=(32015,))
    fault = layout_fault(layout, file_size=1)
    assert fault is not None
    assert "[32015], which are not installed" in str(fault)
    assert "HDF5_PLUGIN_PATH" in fault.remedy


@pytest.mark.parametrize("stored", ["plain", "deflated"])
def test_a_file_cut_while_open_is_named(tmp_path: Path, stored: str) -> None:
    path = store(tmp_path / "a.h5", voxels(48), **SETTINGS[stored])
    with opened(path) as column:
        os.truncate(path, 700)
        with pytest.raises(ColumnError, match="it was cut short while open"):
            column.read(0, 48)


def test_threads_share_a_column(tmp_path: Path) -> None:
    rows = voxels(1000)
    cuts = np.sort(np.random.default_rng(0).integers(0, 1000, (400, 2)), axis=1).tolist()
    for stored in ("contiguous", "shuffled", "lzf"):
        with (
            opened(store(tmp_path / f"{stored}.h5", rows, **SETTINGS[stored])) as column,
            ThreadPoolExecutor(4) as pool,
        ):
            found = pool.map(lambda cut, of=column: of.read(*cut).tobytes(), cuts)
            assert list(found) == [rows[low:high].tobytes() for low, high in cuts]


@pytest.mark.parametrize("settings", [{}, {"shuffle": True}, {"compression": "gzip"}, SETTINGS["shuffled"]])
@pytest.mark.parametrize("num", [0, 1, 1000])
def test_a_field_of_all_rows_is_that_of_the_rows(tmp_path: Path, settings: dict[str, Any], num: int) -> None:
    rows = voxels(num)
    path = store(tmp_path / "a.h5", rows, **settings | {"chunks": (64,), "maxshape": (None,)})
    with opened(path) as column:
        assert isinstance(column, InflatedColumn)
        for name in ("id", "value"):
            assert np.array_equal(column.read_field(name), rows[name])


def test_a_damaged_chunk_is_named_when_a_field_is_read(tmp_path: Path) -> None:
    path = store(tmp_path / "a.h5", voxels(1000), **SETTINGS["shuffled"] | {"chunks": (500,)})
    layout = layout_of(path)
    damaged = bytearray(path.read_bytes())
    first = int(layout.chunks[0, 1])
    damaged[first : first + 40] = bytes(40)
    path.write_bytes(damaged)
    with opened(path, layout) as column, pytest.raises(ColumnError, match=r"chunk 1 (cannot be inflated|ends before)"):
        assert isinstance(column, InflatedColumn)
        column.read_field("id")
