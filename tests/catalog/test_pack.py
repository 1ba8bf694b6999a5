"""A packed file holds exactly the events that were asked for, all of each, in the fast layout."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from nuweave.catalog import SplitError, build_catalog, pack_part
from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage, StoreError, sums_path
from nuweave.store.check import check_file
from tests import mock


def _require_equal_events(one: ShardReader, i: int, other: ShardReader, j: int) -> None:
    assert one.event_id(i) == other.event_id(j)
    for product in ("sparse2d_image", "sparse2d_label"):
        for a, b in zip(one.sparse(product, i), other.sparse(product, j), strict=True):
            assert np.array_equal(a.ids, b.ids)
            assert np.array_equal(a.values, b.values)
            assert (a.shape, a.projection, a.size, a.origin) == (b.shape, b.projection, b.size, b.origin)
    groups = zip(one.clusters("cluster2d_vertex", i), other.clusters("cluster2d_vertex", j), strict=True)
    for group, same in groups:
        assert np.array_equal(group.image.ids, same.image.ids)
        assert (group.lengths.tolist(), group.numbers.tolist()) == (same.lengths.tolist(), same.numbers.tolist())
    for product in one.products:
        if product.startswith("particle"):
            assert one.particles(product, i).tolist() == other.particles(product, j).tolist()


def test_packed_events_are_the_events_of_the_shards(tmp_path: Path) -> None:
    shards = mock.write_shards(tmp_path, 3, num_events=4)
    events = build_catalog(shards).iloc[[0, 2, 5, 6, 11]]
    pack_part(events, tmp_path / "train.h5", seed=1)
    keys = zip(events["run"], events["subrun"], events["event"], strict=True)
    wanted = dict(zip(keys, zip(events["shard"], events["entry"], strict=True), strict=True))
    with ShardReader(tmp_path / "train.h5") as packed:
        assert len(packed) == 5
        for i in range(5):
            shard, entry = wanted.pop(packed.event_id(i))
            with ShardReader(Path(shard)) as reader:
                assert reader.products == packed.products
                _require_equal_events(packed, i, reader, entry)
    assert wanted == {}


def test_voxels_are_compact_and_contiguous(tmp_path: Path) -> None:
    pack_part(build_catalog(mock.write_shards(tmp_path, 1)), tmp_path / "train.h5", seed=1)
    with h5py.File(tmp_path / "train.h5") as file:
        for product, itemsize in (("sparse2d_image", 8), ("sparse2d_label", 5)):
            voxels = file[f"Data/{product}_group/voxels"]
            assert (voxels.chunks, voxels.dtype.itemsize, len(voxels)) == (None, itemsize, 6 * 3 * 40)


def test_one_shuffle_from_the_seed(tmp_path: Path) -> None:
    events = build_catalog(mock.write_shards(tmp_path, 2))
    orders = {}
    for name, seed, shuffle in (("a", 1, True), ("b", 1, True), ("c", 2, True), ("d", 1, False)):
        pack_part(events, tmp_path / f"{name}.h5", seed=seed, shuffle=shuffle)
        with ShardReader(tmp_path / f"{name}.h5") as reader:
            orders[name] = reader.event_ids.tolist()
    assert orders["a"] == orders["b"] != orders["c"]
    rows = zip(events["run"], events["subrun"], events["event"], strict=True)
    assert orders["d"] == list(rows) != orders["a"]
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_shards_that_differ_in_products_or_shape_are_both_named(tmp_path: Path) -> None:
    first = mock.write_shard(tmp_path / "first.h5")
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "bare.h5") as writer:
        writer.append(EventId(1, 0, 0), sparse={"sparse2d_image": [mock.image(rng)] * 3})
    larger = mock.write_shard(tmp_path / "larger.h5", shape=(64, 24))
    for other, reason in ((tmp_path / "bare.h5", "products: only one of them has cluster2d_vertex"), (larger, "shape")):
        events = pd.DataFrame({"shard": [str(first), str(other)], "entry": [0, 0]})
        with pytest.raises(StoreError, match=rf"first.h5 and .*{other.name} differ in .*{reason}"):
            pack_part(events, tmp_path / "out.h5", seed=1)
    assert not (tmp_path / "out.h5").exists()


def test_no_events_and_labels_that_disagree_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match=r"val.h5: no events to pack"):
        pack_part(pd.DataFrame({"shard": [], "entry": []}), tmp_path / "val.h5", seed=1)
    one, other = (SparseImage(np.array([i]), np.ones(1, np.float32), (4, 4)) for i in (1, 2))
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": [one], "sparse2d_label": [other]})
    with pytest.raises(StoreError, match=r"a.h5: sparse2d_label, event 0: image and label have different sites"):
        pack_part(pd.DataFrame({"shard": [str(tmp_path / "a.h5")], "entry": [0]}), tmp_path / "val.h5", seed=1)
    assert [path.name for path in tmp_path.iterdir() if "val.h5" in path.name] == []


def test_a_part_needs_an_image(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), particles={"particle_truth": mock.neutrino()})
    with pytest.raises(StoreError, match=r"a.h5: needs one product sparse2d_image or sparse3d_image"):
        pack_part(pd.DataFrame({"shard": [str(tmp_path / "a.h5")], "entry": [0]}), tmp_path / "val.h5", seed=1)


def test_a_packed_file_has_checksums(tmp_path: Path) -> None:
    pack_part(build_catalog(mock.write_shards(tmp_path, 1)), tmp_path / "train.h5", seed=1)
    assert sums_path(tmp_path / "train.h5").is_file()
    assert list(check_file(tmp_path / "train.h5")) == []


def test_images_beyond_32_bits_keep_wide_ids(tmp_path: Path) -> None:
    huge = SparseImage(np.array([5, 2**32]), np.array([0.5, 2], np.float32), (2048, 2048, 1025))
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse3d_image": [huge]})
    pack_part(pd.DataFrame({"shard": [str(tmp_path / "a.h5")], "entry": [0]}), tmp_path / "out.h5", seed=1)
    with ShardReader(tmp_path / "out.h5") as reader:
        assert reader.sparse("sparse3d_image", 0)[0].ids.tolist() == [5, 2**32]
