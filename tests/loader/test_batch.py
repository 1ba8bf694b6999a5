"""A batch holds exactly the sites of its events, in order."""

from __future__ import annotations

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
