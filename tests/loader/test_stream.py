"""One order of events for any number of ranks; nothing lost, nothing twice; a resumed stream is the same stream."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from itertools import islice

import pandas as pd
import pytest

from nuweave.catalog import pack_part
from nuweave.loader import PackedDataset, SparseBatch, evaluation_batches, training_stream
from nuweave.loader.stream import Plan, order
from nuweave.store import StoreError
from tests import mock


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PackedDataset:
    """Seven events, packed."""
    folder = tmp_path_factory.mktemp("packed")
    shard = mock.write_shard(folder / "shard.h5", num_events=7)
    pack_part(pd.DataFrame({"shard": str(shard), "entry": range(7)}), folder / "packed.h5", seed=1)
    return PackedDataset(folder / "packed.h5")


def _hash(batch: SparseBatch) -> str:
    assert batch.labels_N is not None
    tensors = [batch.sites_N, batch.images_N, batch.values_N, batch.labels_N, batch.event_ids_B3, *batch.truth.values()]
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()


def _plan(num_events: int, global_batch: int, rank: int = 0, world: int = 1) -> Plan:
    return Plan(num_events=num_events, seed=5, global_batch=global_batch, rank=rank, world=world, augment=False, ndim=2)


def test_order_is_a_permutation_that_changes_with_seed_and_epoch() -> None:
    orders = {tuple(order(seed, epoch, 20)) for seed in (1, 2) for epoch in (0, 1)}
    assert len(orders) == 4
    assert all(sorted(one) == list(range(20)) for one in orders)


@pytest.mark.parametrize("num_events", [1, 2, 7])
@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("per_rank", [1, 2, 5])
def test_every_event_comes_once_an_epoch(num_events: int, world: int, per_rank: int) -> None:
    global_batch = world * per_rank
    num_epochs = 3 * global_batch  # so that the epochs end with a step
    steps = num_events * num_epochs // global_batch
    seen = [
        entry
        for step in range(steps)
        for i in range(per_rank)
        for rank in range(world)
        for entry in [_plan(num_events, global_batch, rank, world).entries(step)[0][i]]
    ]
    for epoch in range(num_epochs):
        assert sorted(seen[epoch * num_events : (epoch + 1) * num_events]) == list(range(num_events))


@pytest.mark.parametrize("world", [2, 3, 6])
def test_ranks_together_see_the_batch_that_one_rank_sees(world: int) -> None:
    for step in range(9):
        alone, _ = _plan(7, 6).entries(step)
        together = [_plan(7, 6, rank, world).entries(step)[0] for rank in range(world)]
        assert [together[i % world][i // world] for i in range(6)] == alone


@pytest.mark.parametrize("augment", [False, True])
def test_a_stream_resumed_at_any_step_is_the_same_stream(dataset: PackedDataset, augment: bool) -> None:
    with training_stream(dataset, seed=3, global_batch=4, augment=augment) as stream:
        whole = [_hash(batch) for batch in islice(stream, 9)]
    for start in (1, 4, 8):
        with training_stream(dataset, seed=3, global_batch=4, start_step=start, augment=augment) as stream:
            assert [_hash(batch) for batch in islice(stream, 9 - start)] == whole[start:]


def test_augmentation_flips_some_events_and_differs_between_epochs(dataset: PackedDataset) -> None:
    plan = Plan(num_events=7, seed=3, global_batch=7, rank=0, world=1, augment=True, ndim=2)
    draws = []
    for epoch in range(4):
        entries, flips = plan.entries(epoch)
        assert flips is not None
        draws.append(tuple(flip for _, flip in sorted(zip(entries, flips, strict=True))))
    assert len(set(draws)) == 4
    with (
        training_stream(dataset, seed=3, global_batch=7) as plain,
        training_stream(dataset, seed=3, global_batch=7, augment=True) as flipped,
    ):
        one, other = next(plain), next(flipped)
    assert one.event_ids_B3.tolist() == other.event_ids_B3.tolist()
    assert one.sites_N.tolist() != other.sites_N.tolist()


def test_a_batch_that_does_not_divide_is_refused(dataset: PackedDataset) -> None:
    with pytest.raises(ValueError, match="global_batch=4 must divide by the number of ranks, 3; try 3"):
        training_stream(dataset, seed=1, global_batch=4, rank=0, world=3)


def _prefetch_threads() -> int:
    return sum(thread.name == "nuweave-prefetch" for thread in threading.enumerate())


def test_the_thread_ends_with_the_stream(dataset: PackedDataset) -> None:
    stream = training_stream(dataset, seed=1, global_batch=2)
    next(stream)
    assert _prefetch_threads() == 1
    assert stream.wait_seconds > 0
    stream.close()
    assert _prefetch_threads() == 0
    assert list(stream) == []


def test_a_stream_that_is_forgotten_stops_its_thread(dataset: PackedDataset) -> None:
    stream = training_stream(dataset, seed=1, global_batch=2)
    thread = stream._thread
    del stream
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_an_error_while_reading_reaches_the_consumer(dataset: PackedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(entry: int) -> None:
        raise StoreError(f"x.h5: event {entry} is damaged")

    monkeypatch.setattr(dataset, "event", fail)
    stream = training_stream(dataset, seed=1, global_batch=2)
    with pytest.raises(StoreError, match="is damaged"):
        next(stream)
    assert _prefetch_threads() == 0


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("max_events", [None, 1, 4, 99])
def test_evaluation_sees_each_event_once_in_file_order(
    dataset: PackedDataset, world: int, max_events: int | None
) -> None:
    wanted = [tuple(dataset.event(i).event_id) for i in range(min(max_events or 7, 7))]
    seen: Counter[tuple[int, ...]] = Counter()
    for rank in range(world):
        batches = list(evaluation_batches(dataset, batch=2, rank=rank, world=world, max_events=max_events))
        ids = [tuple(row) for batch in batches for row in batch.event_ids_B3.tolist()]
        assert ids == wanted[rank::world]
        assert all(batch.num_events == 2 for batch in batches[:-1])
        seen.update(ids)
    assert seen == Counter(wanted)
