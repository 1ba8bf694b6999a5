"""What was written is what is read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage
from nuweave.store.schema import PARTICLE
from tests import mock


def test_round_trip_is_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    events = [
        [mock.image(rng, projection=p, num_sites=n) for p, n in enumerate(sizes)] for sizes in [(3, 0, 7), (1, 2, 0)]
    ]
    particles = [mock.neutrino(), mock.neutrino()[:0]]
    with ShardWriter(tmp_path / "a.h5") as writer:
        for i, (images, rows) in enumerate(zip(events, particles, strict=True)):
            writer.append(EventId(1, 2, i), sparse={"sparse2d_image": images}, particles={"particle_truth": rows})
    with ShardReader(tmp_path / "a.h5") as reader:
        assert reader.products == ("particle_truth", "sparse2d_image")
        assert [reader.event_id(i) for i in range(2)] == [(1, 2, 0), (1, 2, 1)]
        assert reader.num_voxels("sparse2d_image").tolist() == [10, 3]
        for i, images in enumerate(events):
            for back, image in zip(reader.sparse("sparse2d_image", i), images, strict=True):
                assert np.array_equal(back.ids, image.ids)
                assert back.values.tobytes() == image.values.tobytes()
                assert (back.shape, back.projection) == (image.shape, image.projection)
            assert reader.particles("particle_truth", i).tobytes() == particles[i].tobytes()


def test_clusters_round_trip_with_their_numbers(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "a.h5", num_events=2)
    with ShardReader(path) as reader:
        groups = reader.clusters("cluster2d_vertex", 1)
    assert [g.image.projection for g in groups] == [0, 1, 2]
    assert [(g.lengths.tolist(), g.numbers.tolist(), g.image.ids.tolist()) for g in groups] == [([1], [0], [5])] * 3


def test_an_event_without_projections_is_legal(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": []})
    with ShardReader(tmp_path / "a.h5") as reader:
        assert reader.sparse("sparse2d_image", 0) == []


def test_layout_is_larcv3(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "a.h5")
    with h5py.File(path) as file:
        group = file["Data/sparse2d_image_group"]
        assert set(group) == {"extents", "voxel_extents", "image_meta", "voxels"}
        assert group["voxels"].dtype.itemsize == 16
        assert group["image_meta"].dtype.itemsize == 72
        assert file["Data/particle_truth_group/particles"].dtype.itemsize == 344
        assert set(file["Data/cluster2d_vertex_group"]) == {
            "extents", "projection_extents", "image_meta", "cluster_extents", "voxels",
        }  # fmt: skip


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (mock.write_shard(tmp_path / f"{name}.h5", num_events=20) for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="boom"), ShardWriter(tmp_path / "a.h5"):
        raise RuntimeError("boom")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ids", [[3, 2], [2, 2], [16], [-1]])
def test_ids_that_do_not_ascend_or_leave_the_image_are_refused(tmp_path: Path, ids: list[int]) -> None:
    image = SparseImage(np.array(ids), np.ones(len(ids), np.float32), (4, 4))
    with pytest.raises(ValueError, match="must ascend"), ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": [image]})


def test_events_must_bring_the_same_products(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has products"), ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), particles={"particle_a": np.zeros(1, PARTICLE)})
        writer.append(EventId(0, 0, 1), particles={"particle_b": np.zeros(1, PARTICLE)})
