"""A damaged or foreign file ends in one clear line; a real file is read right."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage, StoreError, require_same_sites
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


def test_geometry_is_shared_by_all_events_or_the_odd_one_is_named(tmp_path: Path) -> None:
    with ShardReader(mock.write_shard(tmp_path / "a.h5")) as reader:
        assert reader.geometry("sparse2d_image") == (mock.SHAPE, mock.NUM_PLANES)
    one, other = (SparseImage(np.array([1]), np.ones(1, np.float32), (4, n)) for n in (4, 5))
    for number, (odd, images) in enumerate([(1, [[one], [one, one]]), (2, [[one], [], [other]])]):
        with ShardWriter(tmp_path / f"{number}.h5") as writer:
            for event, row in enumerate(images):
                writer.append(EventId(0, 0, event), sparse={"sparse2d_image": row})
        with (
            ShardReader(tmp_path / f"{number}.h5") as reader,
            pytest.raises(StoreError, match=f"{number}.h5: sparse2d_image of event {odd} is not 1 images of 4x4 sites"),
        ):
            reader.geometry("sparse2d_image")
    with ShardWriter(tmp_path / "empty.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": []})
    with (
        ShardReader(tmp_path / "empty.h5") as reader,
        pytest.raises(StoreError, match="has no image in any event"),
    ):
        reader.geometry("sparse2d_image")


def test_a_field_of_all_particles_comes_with_its_events(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, rows in enumerate([mock.neutrino(), mock.neutrino()[:0], mock.class_product(2)]):
            writer.append(EventId(0, 0, event), particles={"particle_x": rows})
    with ShardReader(tmp_path / "a.h5") as reader:
        values, events = reader.particle_field("particle_x", "pdg")
    assert (values.tolist(), events.tolist()) == ([14, 13, 2212, 2], [0, 0, 0, 2])


def test_contiguous_voxels_are_mapped_and_read_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    events = [[mock.image(rng, num_sites=num)] for num in (5, 0, 9)]
    for name, totals in (("chunked", {}), ("contiguous", {"sparse2d_image": 14})):
        with ShardWriter(tmp_path / f"{name}.h5", totals=totals) as writer:
            for event, images in enumerate(events):
                writer.append(EventId(0, 0, event), sparse={"sparse2d_image": images})
    with ShardReader(tmp_path / "chunked.h5") as one, ShardReader(tmp_path / "contiguous.h5") as other:
        for event, images in enumerate(events):
            for reader in (one, other):
                assert reader.sparse("sparse2d_image", event)[0].ids.tolist() == images[0].ids.tolist()
                assert reader.sparse("sparse2d_image", event)[0].values.tolist() == images[0].values.tolist()
        assert not isinstance(one._column("sparse2d_image", "voxels"), np.memmap)
        assert isinstance(other._column("sparse2d_image", "voxels"), np.memmap)


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
