"""A batch holds exactly the sites of its events, in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nuweave.loader import SparseBatch


def _batch() -> SparseBatch:
    """Two events of two planes of 4 x 5 sites; plane 1 of the first and plane 0 of the second are empty."""
    return SparseBatch(
        sites_N=torch.tensor([2, 9, 0]),
        images_N=torch.tensor([0, 0, 3]),
        values_N=torch.tensor([5.0, 6.0, 7.0]),
        labels_N=torch.tensor([0, 2, 1]),
        shape=(4, 5),
        num_events=2,
        num_planes=2,
        event_ids_B3=torch.tensor([[3, 0, 7], [3, 0, 8]]),
        truth={"neutrino": torch.tensor([1, -1])},
        vertex_BP=torch.tensor([[2, -1], [-1, 0]]),
    )


def test_event_plane_and_position_of_each_site() -> None:
    batch = _batch()
    assert batch.events_N.tolist() == [0, 0, 1]
    assert batch.planes_N.tolist() == [0, 0, 1]
    assert batch.coords_ND.tolist() == [[0, 2], [1, 4], [0, 0]]
    assert batch.num_images == 4


def test_dense_images_hold_each_value_and_label_at_its_place() -> None:
    batch = _batch()
    dense, labels = batch.dense(), batch.dense_labels()
    assert labels is not None
    assert dense.shape == labels.shape == (2, 2, 4, 5)
    at = torch.tensor([[0, 0, 0, 2], [0, 0, 1, 4], [1, 1, 0, 0]]).unbind(dim=1)  # event, plane, row, column
    assert dense[at].tolist() == [5, 6, 7]
    assert labels[at].tolist() == [0, 2, 1]
    assert int(dense.count_nonzero()) == 3
    assert (dense.dtype, labels.dtype) == (torch.float32, torch.int64)


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


def test_to_moves_every_tensor() -> None:
    moved = _batch().to("meta")
    assert moved.labels_N is not None
    assert moved.vertex_BP is not None
    tensors = [moved.sites_N, moved.images_N, moved.values_N, moved.labels_N, moved.event_ids_B3, moved.vertex_BP]
    assert {tensor.device.type for tensor in [*tensors, *moved.truth.values()]} == {"meta"}


def _events(num_events: int) -> SparseBatch:
    """Events of two planes of 4 x 5 sites: up to three sites in each image, none in the images 1, 4 and 5."""
    sites_I = torch.tensor([2, 0, 1, 3, 0, 0, 1, 1, 2, 3])[: 2 * num_events]
    images_N = torch.repeat_interleave(torch.arange(len(sites_I)), sites_I)
    num_sites = len(images_N)
    return SparseBatch(
        sites_N=torch.arange(num_sites),
        images_N=images_N,
        values_N=torch.arange(num_sites) / 4,
        labels_N=torch.arange(num_sites) % 3,
        shape=(4, 5),
        num_events=num_events,
        num_planes=2,
        event_ids_B3=torch.arange(3 * num_events).view(num_events, 3),
        truth={"neutrino": torch.arange(num_events), "proton": -torch.ones(num_events, dtype=torch.int64)},
        vertex_BP=torch.arange(2 * num_events).view(num_events, 2),
    )


@pytest.mark.parametrize("num", [1, 2, 3, 7])
@pytest.mark.parametrize("num_events", [0, 1, 5])
def test_parts_joined_again_are_the_batch(num_events: int, num: int) -> None:
    batch = _events(num_events)
    parts = batch.parts(num)
    sizes = [part.num_events for part in parts]
    assert sizes == [len(cut) for cut in np.array_split(np.arange(num_events), num)]
    first = [sum(sizes[:part]) * batch.num_planes for part in range(num)]
    assert torch.equal(
        torch.cat([part.images_N + image for part, image in zip(parts, first, strict=True)]), batch.images_N
    )
    for name in ("sites_N", "values_N", "labels_N", "event_ids_B3", "vertex_BP"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    for head, class_B in batch.truth.items():
        assert torch.equal(torch.cat([part.truth[head] for part in parts]), class_B)
    for part in parts:
        assert (part.shape, part.num_planes) == (batch.shape, batch.num_planes)
        assert len(part.event_ids_B3) == part.num_events
        assert bool((part.events_N < part.num_events).all())


def test_one_part_is_the_batch_itself() -> None:
    batch = _batch()
    assert batch.parts(1)[0] is batch


def test_parts_of_a_source_without_labels_and_vertices_have_none() -> None:
    parts = replace(_batch(), labels_N=None, vertex_BP=None, truth={}).parts(2)
    assert [(part.labels_N, part.vertex_BP, part.truth) for part in parts] == [(None, None, {})] * 2
    assert [part.sites_N.tolist() for part in parts] == [[2, 9], [0]]
    assert [part.images_N.tolist() for part in parts] == [[0, 0], [1]]
