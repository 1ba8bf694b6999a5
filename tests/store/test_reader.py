"""A damaged or foreign file ends in one clear line; a real file is read right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.store import Clusters, EventId, ShardReader, ShardWriter, SparseImage, StoreError, require_same_sites
from tests import mock
from tests.store import samples
from tests.store.samples import SETTINGS


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


@pytest.mark.parametrize("stored", SETTINGS)
def test_files_are_read_alike_however_they_are_stored(tmp_path: Path, stored: str) -> None:
    source, settings = samples.write(tmp_path / "source.h5"), SETTINGS[stored]
    path = samples.rewrite(source, tmp_path / "a.h5", columns=settings, tables=settings)
    right = samples.read_all(source)
    assert samples.read_all(path) == right
    assert samples.read_all(path) == right  # from the cached index
    assert not any(isinstance(content, Exception) for content in right.values())


def test_compact_types_and_checksums_change_no_value(tmp_path: Path) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    assert samples.read_all(path) == samples.read_all(tmp_path / "source.h5")


def test_clusters_keep_their_sites_lengths_and_numbers(tmp_path: Path) -> None:
    with ShardReader(samples.write(tmp_path / "a.h5")) as reader:
        images, groups = reader.sparse(samples.IMAGE, 3), reader.clusters(samples.CLUSTER, 3)
        assert [group.image.ids.tolist() for group in groups] == [image.ids.tolist() for image in images]
        assert [group.lengths.tolist() for group in groups] == [[3, 4], [16, 17]]
        assert [group.numbers.tolist() for group in groups] == [[4, 9], [4, 9]]
        assert reader.clusters(samples.CLUSTER, 2) == []


def test_images_in_three_dimensions_are_read_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = mock.image(rng, shape=(4, 5, 6), num_sites=9)
    cluster = Clusters(image, np.array([4, 5]), np.array([0, 1]))
    with ShardWriter(tmp_path / "source.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse3d_x": [image]}, clusters={"cluster3d_x": [cluster]})
    for stored in ("contiguous", "shuffled"):
        path = samples.rewrite(tmp_path / "source.h5", tmp_path / f"{stored}.h5", columns=SETTINGS[stored])
        with ShardReader(path) as reader:
            assert reader.geometry("sparse3d_x") == ((4, 5, 6), 1)
            (found,) = reader.sparse("sparse3d_x", 0)
            assert np.ravel_multi_index(found.coords.T, (4, 5, 6)).tolist() == image.ids.tolist()
            assert reader.clusters("cluster3d_x", 0)[0].lengths.tolist() == [4, 5]


def test_a_file_without_events_is_open_and_has_none(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5", ((1,),))
    with h5py.File(path, "r+") as file:
        for dataset in (file["Events/event_id"], *(d for group in file["Data"].values() for d in group.values())):
            dataset.resize((0,))
    with ShardReader(path) as reader:
        assert len(reader) == 0
        assert reader.num_voxels(samples.IMAGE).tolist() == []
        assert [len(part) for part in reader.particle_field(samples.PARTICLE, "pdg")] == [0, 0]
        with pytest.raises(IndexError, match="event 0 is out of range, the file has 0"):
            reader.sparse(samples.IMAGE, 0)


def test_rows_of_many_events_are_read_at_once_and_none_beyond_the_last(tmp_path: Path) -> None:
    with ShardReader(samples.write(tmp_path / "a.h5")) as reader:
        assert reader.rows(samples.IMAGE, 18, 22)["id"].tolist() == [
            *reader.sparse(samples.IMAGE, 0)[0].ids[18:].tolist(),
            *reader.sparse(samples.IMAGE, 3)[0].ids[:2].tolist(),
        ]
        assert len(reader.rows(samples.IMAGE, 0, 77)) == 77
        with pytest.raises(IndexError, match="rows 0 to 78 are out of range, there are 77"):
            reader.rows(samples.IMAGE, 0, 78)


@pytest.mark.parametrize("stored", ["contiguous", "shuffled", "lzf"])
def test_a_closed_file_can_be_written_to_and_no_longer_be_read(tmp_path: Path, stored: str) -> None:
    path = samples.rewrite(samples.write(tmp_path / "s.h5"), tmp_path / "a.h5", columns=SETTINGS[stored])
    with ShardReader(path) as reader:
        particles = reader.particles(samples.PARTICLE, 3)
        reader.sparse(samples.IMAGE, 0)
    with h5py.File(path, "r+") as file:
        file.attrs["seen"] = 1
    path.write_bytes(b"")
    assert particles["pdg"].tolist() == [14, 13, 2212]  # its own, not a look at the map
    path.unlink()
    samples.rewrite(tmp_path / "s.h5", path, columns=SETTINGS[stored])
    reader = ShardReader(path)
    reader.close()
    with pytest.raises(StoreError, match=r"a\.h5: is closed"):
        reader.sparse(samples.IMAGE, 0)
    reader.close()


@pytest.mark.parametrize("stored", ["contiguous", "shuffled", "lzf"])
def test_an_open_reader_can_be_used_after_a_fork(tmp_path: Path, stored: str) -> None:
    path = samples.rewrite(samples.write(tmp_path / "s.h5"), tmp_path / "a.h5", columns=SETTINGS[stored])
    code = """
import os, sys
from pathlib import Path
from nuweave.store import ShardReader
reader = ShardReader(Path(sys.argv[1]))
sums = [reader.event_rows("sparse2d_image", event)["id"].tolist() for event in range(5)]
children = []
for _ in range(2):
    child = os.fork()
    if not child:
        again = [reader.event_rows("sparse2d_image", event)["id"].tolist() for _ in range(50) for event in range(5)]
        os._exit(again != 50 * sums)
    children.append(child)
again = [reader.event_rows("sparse2d_image", event)["id"].tolist() for _ in range(50) for event in range(5)]
assert again == 50 * sums
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)


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
