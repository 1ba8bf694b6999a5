"""The loader in a torch DataLoader: the same batches in the same order, however many workers."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from nuweave.loader import EventBatches, EventDataset, LoaderError, SparseBatch
from nuweave.loader import iterable as iterable_module
from tests import mock
from tests.loader.hashes import global_hash


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> EventDataset:
    return EventDataset(mock.write_shard(tmp_path_factory.mktemp("a") / "a.h5", num_events=7))


def _batches(dataset: EventDataset, **more: Any) -> EventBatches:
    return EventBatches(dataset, seed=3, global_batch=2, **more)


def _first(batches: Any, num: int) -> list[str]:
    return [global_hash([batch]) for batch in islice(batches, num)]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_workers_do_not_change_the_order(dataset: EventDataset, num_workers: int) -> None:
    loader: DataLoader[SparseBatch] = DataLoader(
        _batches(dataset),
        batch_size=None,
        num_workers=num_workers,
        multiprocessing_context="spawn" if num_workers else None,
    )
    assert _first(loader, 6) == _first(_batches(dataset), 6)


def test_a_state_goes_on_with_the_next_batch(dataset: EventDataset) -> None:
    whole = _first(_batches(dataset), 9)
    batches = _batches(dataset)
    assert batches.state_dict() == {}
    assert _first(batches, 4) == whole[:4]
    resumed = _batches(dataset)
    resumed.load_state_dict(batches.state_dict())
    assert _first(resumed, 5) == whole[4:]
    other = EventBatches(dataset, seed=4, global_batch=2)
    other.load_state_dict(batches.state_dict())
    with pytest.raises(LoaderError, match="seed 3 was saved, 4 is here"):
        next(iter(other))


def test_the_state_of_a_worker_goes_on_in_a_worker(dataset: EventDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker:
        id, num_workers = 1, 3

    whole = _first(_batches(dataset), 12)
    monkeypatch.setattr(iterable_module, "get_worker_info", Worker)
    batches = _batches(dataset)
    assert _first(batches, 2) == whole[1:6:3]
    resumed = _batches(dataset)
    resumed.load_state_dict(batches.state_dict())
    assert _first(resumed, 2) == whole[7:12:3]


def test_batches_are_on_the_host(dataset: EventDataset) -> None:
    assert next(iter(_batches(dataset))).values_N.device == torch.device("cpu")
