"""A dataset gives what the file holds, and nothing that it does not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nuweave.catalog import pack_part
from nuweave.loader import PackedDataset
from nuweave.store import EventId, ShardReader, ShardWriter, StoreError
from tests import mock


def _packed(folder: Path, num_events: int = 5) -> Path:
    shard = mock.write_shard(folder / "shard.h5", num_events=num_events)
    pack_part(pd.DataFrame({"shard": str(shard), "entry": range(num_events)}), folder / "packed.h5", seed=1)
    return folder / "packed.h5"


def test_batches_are_equal_to_the_file(tmp_path: Path) -> None:
    path = _packed(tmp_path)
    dataset = PackedDataset(path)
    assert (len(dataset), dataset.shape, dataset.ndim, dataset.num_planes) == (5, mock.SHAPE, 2, 3)
    batch = dataset.read([4, 0, 4])
    assert batch.labels_N is not None
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


def test_chunked_shards_and_packed_files_read_alike(tmp_path: Path) -> None:
    packed, shard = PackedDataset(_packed(tmp_path)), PackedDataset(tmp_path / "shard.h5")
    where = {tuple(shard.read([i]).event_ids_B3[0].tolist()): i for i in range(len(shard))}
    for entry in range(len(packed)):
        one = packed.read([entry])
        other = shard.read([where[tuple(one.event_ids_B3[0].tolist())]])
        assert one.sites_N.tolist() == other.sites_N.tolist()
        assert one.values_N.tolist() == other.values_N.tolist()


def test_flips_are_applied_to_the_events_that_were_drawn(tmp_path: Path) -> None:
    dataset = PackedDataset(_packed(tmp_path))
    plain, flipped = dataset.read([0, 1]), dataset.read([0, 1], flips=[(False, False), (False, True)])
    first = plain.events_N == 0
    assert flipped.sites_N[first].tolist() == plain.sites_N[first].tolist()
    ticks = mock.SHAPE[-1]
    mirrored = [site // ticks * ticks + ticks - 1 - site % ticks for site in plain.sites_N[~first].tolist()]
    assert flipped.sites_N[~first].tolist() != plain.sites_N[~first].tolist()
    assert sorted(flipped.sites_N[~first].tolist()) == sorted(mirrored)


def test_3d_images_are_found(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "a.h5", num_events=1, shape=(8, 8, 8), num_planes=1)
    dataset = PackedDataset(path)
    assert (dataset.ndim, dataset.num_planes) == (3, 1)
    assert len(dataset.read([0]).sites_N) == 40


def test_what_the_file_lacks_is_absent_and_what_the_event_lacks_is_minus_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, rows in enumerate([mock.class_product(2), mock.class_product(0)[:0]]):
            writer.append(
                EventId(0, 0, event), sparse={"sparse2d_image": [mock.image(rng)]}, particles={"particle_neutID": rows}
            )
    dataset = PackedDataset(tmp_path / "a.h5")
    batch = dataset.read([0, 1])
    assert dataset.heads == ("neutrino",)
    assert {head: classes.tolist() for head, classes in batch.truth.items()} == {"neutrino": [2, -1]}
    assert batch.labels_N is None


def test_shapes_that_change_and_files_without_an_image_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, shape in enumerate([(8, 8), (8, 9)]):
            image = mock.image(rng, shape=shape)
            writer.append(EventId(0, 0, event), sparse={"sparse2d_image": [image]})
    with pytest.raises(StoreError, match=r"a.h5: sparse2d_image of event 1 is not 1 images of 8x8 sites"):
        PackedDataset(tmp_path / "a.h5")
    with ShardWriter(tmp_path / "b.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_other": [mock.image(rng)]})
    with pytest.raises(
        StoreError, match=r"b.h5: needs one product sparse2d_image or sparse3d_image, it holds sparse2d"
    ):
        PackedDataset(tmp_path / "b.h5")


def test_no_handle_is_held_before_the_first_read_and_each_process_opens_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = PackedDataset(_packed(tmp_path))
    assert dataset._reader is None
    dataset.read([0])
    own = dataset._reader
    dataset.read([1])
    assert dataset._reader is own
    monkeypatch.setattr(os, "getpid", lambda: -2)
    dataset.read([0])
    assert dataset._reader is not own
