"""A damaged or foreign file ends in one clear line; a real file is read right."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.store import ShardReader, SparseImage, StoreError, require_same_sites
from tests import mock


def test_missing_empty_text_truncated_and_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("hello")
    good = mock.write_shard(tmp_path / "good.h5").read_bytes()
    (tmp_path / "short.h5").write_bytes(good[: len(good) // 2])
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["segments"] = np.arange(3)
    for name, reason in {
        "none.h5": "no such file",
        "empty.h5": "is empty",
        "text.h5": "is not an HDF5 file",
        "short.h5": "is truncated",
        "foreign.h5": "not larcv3.*found segments",
    }.items():
        with pytest.raises(StoreError, match=f"{name}: .*{reason}"):
            ShardReader(tmp_path / name)


@pytest.mark.parametrize("table", ["extents", "voxel_extents", "voxels"])
def test_tables_that_contradict_each_other_are_named(tmp_path: Path, table: str) -> None:
    path = mock.write_shard(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        dataset = file[f"Data/sparse2d_image_group/{table}"]
        dataset.resize((len(dataset) - 1,))
    with pytest.raises(StoreError, match="sparse2d_image"):
        ShardReader(path)


def test_missing_product_and_event_out_of_range(tmp_path: Path) -> None:
    with ShardReader(mock.write_shard(tmp_path / "a.h5", num_events=2)) as reader:
        with pytest.raises(StoreError, match="has no product sparse2d_x"):
            reader.sparse("sparse2d_x", 0)
        with pytest.raises(IndexError, match="event 2 is out of range"):
            reader.sparse("sparse2d_image", 2)


def test_image_and_label_must_have_the_same_sites() -> None:
    one = SparseImage(np.array([1, 2]), np.ones(2, np.float32), (4, 4))
    other = SparseImage(np.array([1, 3]), np.ones(2, np.float32), (4, 4))
    require_same_sites(Path("x.h5"), 0, [one], [one])
    with pytest.raises(StoreError, match=r"x.h5: event 7, projection 0: image .* disagree"):
        require_same_sites(Path("x.h5"), 7, [one], [other])


def test_real_sbnd_file_has_its_known_sites(shared_data: Path) -> None:
    with ShardReader(shared_data / "larcv3" / "sbnd_2events.h5") as reader:
        assert len(reader) == 2
        wire, label = (reader.sparse(f"sparse2d_{name}", 0) for name in ("sbndwire", "sbnd_cosmicseg"))
        require_same_sites(reader.path, 0, wire, label)
        assert [len(image.ids) for image in wire] == [23223, 23171, 10084]
        assert {image.shape for image in wire} == {(2048, 1280)}
        assert [int((image.values == 2).sum()) for image in label] == [375, 305, 360]
        assert min(float(image.values.min()) for image in wire) == pytest.approx(5.0, abs=1e-3)
        vertex = reader.clusters("cluster2d_sbndneutrino", 0)
        assert [group.lengths.tolist() for group in vertex] == [[9], [9], [9]]
        assert vertex[0].image.coords.mean(axis=0).round().tolist() == [1522, 640]
        assert reader.particles("particle_sbndneutrino", 0)["pdg"][:3].tolist() == [14, 13, 2212]
