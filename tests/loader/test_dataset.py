"""A dataset gives what the files hold, and nothing that they do not."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from nuweave.catalog import pack_part
from nuweave.loader import EventDataset
from nuweave.loader import dataset as dataset_module
from nuweave.loader.augment import Augmentation, augmented
from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage, StoreError
from tests import mock


def _packed(folder: Path, num_events: int = 5) -> Path:
    shard = mock.write_shard(folder / "shard.h5", num_events=num_events)
    pack_part(pd.DataFrame({"shard": str(shard), "entry": range(num_events)}), folder / "packed.h5", seed=1)
    return folder / "packed.h5"


def test_batches_are_equal_to_the_file(tmp_path: Path) -> None:
    path = _packed(tmp_path)
    dataset = EventDataset(path)
    assert (len(dataset), dataset.shape, dataset.ndim, dataset.num_planes) == (5, mock.SHAPE, 2, 3)
    batch = dataset.read([4, 0, 4])
    assert batch.labels_N is not None
    assert batch.vertex_BP is not None
    assert batch.vertex_BP.tolist() == [[5, 5, 5]] * 3
    with ShardReader(path) as reader:
        for b, entry in enumerate([4, 0, 4]):
            assert batch.event_ids_B3[b].tolist() == list(reader.event_id(entry))
            assert batch.truth["neutrino"][b] == reader.particles("particle_neutID", entry)["pdg"][0]
            images, labels = reader.sparse("sparse2d_image", entry), reader.sparse("sparse2d_label", entry)
            for plane in range(3):
                here = batch.images_N == b * 3 + plane
                assert batch.sites_N[here].tolist() == images[plane].ids.tolist()
                assert batch.values_N[here].tolist() == images[plane].values.tolist()
                assert batch.labels_N[here].tolist() == labels[plane].values.tolist()


def test_number_formats_are_those_of_the_contract(tmp_path: Path) -> None:
    batch = EventDataset(_packed(tmp_path)).read([0])
    assert batch.labels_N is not None
    for tensor in (batch.sites_N, batch.images_N, batch.labels_N, batch.event_ids_B3, batch.truth["neutrino"]):
        assert tensor.dtype == torch.int64
    assert batch.values_N.dtype == torch.float32


def test_chunked_shards_and_packed_files_read_alike(tmp_path: Path) -> None:
    packed, shard = EventDataset(_packed(tmp_path)), EventDataset(tmp_path / "shard.h5")
    where = {tuple(shard.read([i]).event_ids_B3[0].tolist()): i for i in range(len(shard))}
    for entry in range(len(packed)):
        one = packed.read([entry])
        other = shard.read([where[tuple(one.event_ids_B3[0].tolist())]])
        assert one.sites_N.tolist() == other.sites_N.tolist()
        assert one.values_N.tolist() == other.values_N.tolist()


def test_several_files_are_one_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_module, "MAX_OPEN", 2)
    paths = [mock.write_shard(tmp_path / f"{run}.h5", num_events=2, seed=run, run=run) for run in range(4)]
    dataset = EventDataset(paths)
    batch = dataset.read([7, 0, 3, 2, 5])
    assert batch.event_ids_B3[:, [0, 2]].tolist() == [[3, 1], [0, 0], [1, 1], [1, 0], [2, 1]]
    assert dataset.locate(5) == (paths[2], 1)
    alone = EventDataset(paths[2]).read([1])
    assert batch.sites_N[batch.events_N == 4].tolist() == alone.sites_N.tolist()
    assert len(dataset._readers) == 2
    assert dataset.manifest != EventDataset(paths[::-1]).manifest


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_batch_that_one_gives(tmp_path: Path, threads: int) -> None:
    dataset = EventDataset([_packed(tmp_path), tmp_path / "shard.h5"])
    entries = np.array([3, 9, 0, 7, 7, 1, 2])
    alone = dataset.read(entries.tolist())
    slab = dataset.new_slab(torch.device("cpu"))
    with ThreadPoolExecutor(threads) as pool:
        together = dataset.decode(dataset.fill(slab, entries, pool=pool, num_threads=threads), slab)
    assert together.sites_N.tolist() == alone.sites_N.tolist()
    assert together.images_N.tolist() == alone.images_N.tolist()
    assert together.values_N.tolist() == alone.values_N.tolist()


def test_a_batch_stays_when_its_slab_is_filled_again_and_a_slab_is_no_larger_than_its_largest_batch(
    tmp_path: Path,
) -> None:
    dataset = EventDataset(_packed(tmp_path))
    slab = dataset.new_slab(torch.device("cpu"))
    first = dataset.decode(dataset.fill(slab, np.array([0, 1])), slab)
    kept = [tensor.clone() for tensor in (first.sites_N, first.values_N)]
    dataset.decode(dataset.fill(slab, np.array([4, 3])), slab)
    assert first.sites_N.tolist() == kept[0].tolist()
    assert first.values_N.tolist() == kept[1].tolist()
    assert slab.num_bytes == 9 * int(240 * 1.25)  # two events of 3 x 40 sites; id 4, value 4, label 1 byte


def test_augmentation_moves_image_label_and_vertex_together(tmp_path: Path) -> None:
    dataset = EventDataset(_packed(tmp_path))
    flips = np.array([[False, False], [False, True]])
    augmentation = Augmentation(flips, np.zeros((2, 2), np.int64), np.ones(2, np.float32))
    plain = dataset.read([0, 1])
    flipped = augmented(plain, augmentation)
    first = plain.events_N == 0
    assert flipped.sites_N[first].tolist() == plain.sites_N[first].tolist()
    ticks = mock.SHAPE[-1]
    assert plain.labels_N is not None
    assert flipped.labels_N is not None
    before = zip(
        plain.images_N[~first].tolist(), plain.sites_N[~first].tolist(), plain.labels_N[~first].tolist(), strict=True
    )
    mirrored = sorted((i, site // ticks * ticks + ticks - 1 - site % ticks, label) for i, site, label in before)
    after = zip(
        flipped.images_N[~first].tolist(),
        flipped.sites_N[~first].tolist(),
        flipped.labels_N[~first].tolist(),
        strict=True,
    )
    assert list(after) == mirrored
    assert flipped.vertex_BP is not None
    assert flipped.vertex_BP.tolist() == [[5, 5, 5], [ticks - 6] * 3]


def test_3d_images_are_found(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "a.h5", num_events=1, shape=(8, 8, 8), num_planes=1)
    dataset = EventDataset(path)
    assert (dataset.ndim, dataset.num_planes) == (3, 1)
    assert len(dataset.read([0]).sites_N) == 40


@pytest.mark.parametrize("shape", [(2**11, 2**10, 2**11), (2**11, 2**11, 2**11)])
def test_ids_above_31_and_above_32_bits_come_through(tmp_path: Path, shape: tuple[int, ...]) -> None:
    last = math.prod(shape) - 1  # 2**32 - 1, 2**33 - 1
    ids = np.array([0, 2**31 - 1, 2**31, last - 1, last])
    with ShardWriter(tmp_path / "a.h5") as writer:
        image = SparseImage(ids, np.ones(len(ids), np.float32), shape)
        writer.append(EventId(0, 0, 0), sparse={"sparse3d_image": [image]})
    assert EventDataset(tmp_path / "a.h5").read([0]).sites_N.tolist() == ids.tolist()


def test_products_of_other_names_are_read_when_named(shared_data: Path) -> None:
    path = shared_data / "larcv3" / "sbnd_2events.h5"
    dataset = EventDataset(path, image="sparse2d_sbndwire", label="sparse2d_sbnd_cosmicseg")
    batch = dataset.read([1, 0])
    assert batch.labels_N is not None
    neutrino_0 = (batch.labels_N == 2) & (batch.events_N == 1)
    assert torch.bincount(batch.planes_N[neutrino_0]).tolist() == [375, 305, 360]
    assert torch.bincount(batch.planes_N[batch.events_N == 1]).tolist() == [23223, 23171, 10084]


def test_what_the_file_lacks_is_absent_and_what_the_event_lacks_is_minus_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, rows in enumerate([mock.class_product(2), mock.class_product(0)[:0]]):
            writer.append(
                EventId(0, 0, event), sparse={"sparse2d_image": [mock.image(rng)]}, particles={"particle_neutID": rows}
            )
    dataset = EventDataset(tmp_path / "a.h5")
    batch = dataset.read([0, 1])
    assert dataset.heads == ("neutrino",)
    assert {head: classes.tolist() for head, classes in batch.truth.items()} == {"neutrino": [2, -1]}
    assert batch.labels_N is None
    assert batch.vertex_BP is None


def test_events_without_projections_and_batches_without_events_are_empty(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, images in enumerate([[], [mock.image(rng), mock.image(rng, projection=1)], []]):
            writer.append(EventId(0, 0, event), sparse={"sparse2d_image": images})
    dataset = EventDataset(tmp_path / "a.h5")
    batch = dataset.read([2, 1, 0])
    assert torch.bincount(batch.images_N, minlength=6).tolist() == [0, 0, 40, 40, 0, 0]
    none = dataset.read([])
    assert (none.num_events, len(none.sites_N), none.event_ids_B3.shape) == (0, 0, (0, 3))


def test_shapes_that_change_and_files_without_an_image_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, shape in enumerate([(8, 8), (8, 9)]):
            image = mock.image(rng, shape=shape)
            writer.append(EventId(0, 0, event), sparse={"sparse2d_image": [image]})
    with pytest.raises(StoreError, match=r"a.h5: sparse2d_image of event 1 is not 1 images of 8x8 sites"):
        EventDataset(tmp_path / "a.h5")
    with ShardWriter(tmp_path / "b.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_other": [mock.image(rng)]})
    with pytest.raises(
        StoreError, match=r"b.h5: needs one product sparse2d_image or sparse3d_image, it holds sparse2d"
    ):
        EventDataset(tmp_path / "b.h5")


def test_a_product_that_only_a_later_file_lacks_is_named_with_both_files(tmp_path: Path) -> None:
    paths = [mock.write_shard(tmp_path / f"{run}.h5", run=run) for run in range(2)]
    with h5py.File(paths[1], "r+") as file:
        del file["Data/sparse2d_label_group"]
    with pytest.raises(StoreError, match=r"0.h5 and .*1.h5 differ in the label product: sparse2d_label and None"):
        EventDataset(paths)


def test_each_process_opens_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = EventDataset(_packed(tmp_path))
    assert len(dataset._readers) == 0
    dataset.read([0])
    own = dataset._readers[0]
    dataset.read([1])
    assert dataset._readers[0] is own
    monkeypatch.setattr(os, "getpid", lambda: -2)
    dataset.read([0])
    assert dataset._readers[0] is not own
