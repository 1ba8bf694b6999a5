"""A batch holds exactly the sites of its events, in order."""

from __future__ import annotations

import numpy as np
import torch

from nuweave.loader import Event, SparseBatch, collate
from nuweave.store import EventId, SparseImage

SHAPE = (4, 5)


def _image(ids: list[int], values: list[float], plane: int = 0) -> SparseImage:
    return SparseImage(np.array(ids, np.int64), np.array(values, np.float32), SHAPE, plane)


def _batch() -> SparseBatch:
    """Two events of two planes; plane 1 of the first and plane 0 of the second are empty."""
    none, none_1 = _image([], []), _image([], [], 1)
    pair, pair_labels = _image([2, 9], [5, 6]), _image([2, 9], [0, 2])
    one_1, one_1_labels = _image([0], [7], 1), _image([0], [1], 1)
    events = [
        Event(EventId(3, 0, 7), [pair, none_1], [pair_labels, none_1], {"neutrino": 1}),
        Event(EventId(3, 0, 8), [none, one_1], [none, one_1_labels], {"neutrino": -1}),
    ]
    return collate(events, shape=SHAPE, num_planes=2)


def test_sites_of_all_events_one_after_another() -> None:
    batch = _batch()
    assert batch.sites_N.tolist() == [2, 9, 0]
    assert batch.images_N.tolist() == [0, 0, 3]
    assert batch.events_N.tolist() == [0, 0, 1]
    assert batch.planes_N.tolist() == [0, 0, 1]
    assert batch.values_N.tolist() == [5, 6, 7]
    assert batch.labels_N is not None
    assert batch.labels_N.tolist() == [0, 2, 1]
    assert batch.event_ids_B3.tolist() == [[3, 0, 7], [3, 0, 8]]
    assert batch.truth["neutrino"].tolist() == [1, -1]
    assert (batch.num_events, batch.num_planes, batch.num_images, batch.shape) == (2, 2, 4, SHAPE)


def test_number_formats_are_those_of_the_contract() -> None:
    batch = _batch()
    assert batch.labels_N is not None
    for tensor in (batch.sites_N, batch.images_N, batch.labels_N, batch.event_ids_B3, batch.truth["neutrino"]):
        assert tensor.dtype == torch.int64
    assert batch.values_N.dtype == torch.float32


def test_select_keeps_the_events_whose_sites_are_gone() -> None:
    batch = _batch()
    assert batch.labels_N is not None
    kept = batch.select(batch.labels_N == 2)
    assert kept.sites_N.tolist() == [9]
    assert kept.images_N.tolist() == [0]
    assert kept.labels_N is not None
    assert kept.labels_N.tolist() == [2]
    assert kept.num_events == 2
    assert kept.truth["neutrino"].tolist() == [1, -1]


def test_events_without_any_site_or_label() -> None:
    batch = collate([Event(EventId(0, 0, 0), [], None, {})], shape=SHAPE, num_planes=3)
    assert (batch.sites_N.tolist(), batch.labels_N, batch.num_events) == ([], None, 1)


def test_to_moves_every_tensor() -> None:
    moved = _batch().to("meta")
    assert moved.labels_N is not None
    tensors = [moved.sites_N, moved.images_N, moved.values_N, moved.labels_N, moved.event_ids_B3, *moved.truth.values()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
