"""One order of events for any number of ranks; nothing lost, nothing twice; a resumed stream is the same stream."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from nuweave.catalog import pack_part
from nuweave.config.train import AugmentConfig, LoaderConfig
from nuweave.loader import EventDataset, LoaderError, SparseBatch, TrainingStream, evaluation_batches, make_sampler
from nuweave.store import DamagedEventError, Fault, StoreError
from tests import mock
from tests.loader.hashes import GLOBAL_BATCH, global_hash, open_streams

NUM_EVENTS = 13  # a prime: no batch ends with an epoch


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen events, packed."""
    folder = tmp_path_factory.mktemp("packed")
    shard = mock.write_shard(folder / "shard.h5", num_events=NUM_EVENTS)
    pack_part(pd.DataFrame({"shard": str(shard), "entry": range(NUM_EVENTS)}), folder / "packed.h5", seed=1)
    return folder / "packed.h5"


@pytest.fixture
def dataset(path: Path) -> EventDataset:
    return EventDataset(path)


def _stream(
    dataset: EventDataset, global_batch: int = 4, settings: LoaderConfig | None = None, **more: Any
) -> TrainingStream:
    settings = settings or LoaderConfig()
    sampler = make_sampler(dataset, settings, seed=3, global_batch=global_batch)
    return TrainingStream(dataset, sampler, settings=settings, **more)


def _hashes(path: Path, num: int, *, world: int = 1, state: Mapping[str, Any] | None = None) -> list[str]:
    """Hashes of the next global batches, each put together from all ranks."""
    streams = open_streams(path, world=world, state=state)
    try:
        return [global_hash([next(stream) for stream in streams]) for _ in range(num)]
    finally:
        for stream in streams:
            stream.close()


@pytest.mark.parametrize("world", [2, 3, 5])
def test_ranks_together_see_the_batches_that_one_rank_sees(path: Path, world: int) -> None:
    assert _hashes(path, 9, world=world) == _hashes(path, 9)


@pytest.mark.parametrize("done", [1, 2, 3, 7])
def test_a_killed_stream_goes_on_with_the_same_batches_on_any_number_of_ranks(
    path: Path, tmp_path: Path, done: int
) -> None:
    log = tmp_path / "log"
    program = subprocess.Popen([sys.executable, "-m", "tests.loader.hashes", str(path), str(log)])
    try:
        deadline = time.monotonic() + 60
        while not log.exists() or log.read_text().count("\n") < done:
            assert program.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        program.kill()
        program.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    whole = _hashes(path, done + 6)
    assert [line["hash"] for line in lines[:done]] == whole[:done]
    for world in (1, 2, 3):
        assert _hashes(path, 6, world=world, state=lines[done - 1]["state"]) == whole[done:]


@pytest.mark.parametrize("num_events", [1, 2, 5, 7])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_event_comes_once_an_epoch(tmp_path: Path, num_events: int, world: int) -> None:
    dataset = EventDataset(mock.write_shard(tmp_path / "a.h5", num_events=num_events))
    streams = [_stream(dataset, 3, rank=rank, world=world) for rank in range(world)]
    seen: list[int] = []
    while len(seen) < 3 * num_events:
        shares = [next(stream).event_ids_B3[:, 2].tolist() for stream in streams]
        seen += [shares[i % world][i // world] for i in range(3)]
    for stream in streams:
        stream.close()
    for epoch in range(3):
        assert sorted(seen[epoch * num_events : (epoch + 1) * num_events]) == list(range(num_events))


def test_a_site_budget_bounds_every_batch_and_loses_no_event(dataset: EventDataset) -> None:
    sites = 3 * 40  # of every event
    settings = LoaderConfig(max_sites=2 * sites + 1)
    with _stream(dataset, 8, settings) as stream:
        batches = list(islice(stream, 7))
    assert {len(batch.sites_N) for batch in batches} == {2 * sites}
    seen = Counter(int(event) for batch in batches for event in batch.event_ids_B3[:, 2])
    assert sorted(seen) == list(range(NUM_EVENTS))
    with pytest.raises(LoaderError, match=f"has {sites} sites, more than max_sites=119"):
        _stream(dataset, 8, LoaderConfig(max_sites=sites - 1))


def test_ranks_without_an_event_get_an_empty_batch(dataset: EventDataset) -> None:
    with _stream(dataset, 1, rank=1, world=2) as stream:
        batch = next(stream)
    assert (batch.num_events, len(batch.sites_N)) == (0, 0)


def test_augmentation_changes_events_and_differs_between_epochs(dataset: EventDataset) -> None:
    with (
        _stream(dataset, NUM_EVENTS) as plain,
        _stream(dataset, NUM_EVENTS, augment=AugmentConfig(flip=True)) as flipped,
    ):
        for _ in range(2):
            one, other = next(plain), next(flipped)
            assert one.event_ids_B3.tolist() == other.event_ids_B3.tolist()
            assert one.sites_N.tolist() != other.sites_N.tolist()


def test_sites_that_are_selected_before_augmentation_are_those_selected_after_it(dataset: EventDataset) -> None:
    def cosmics(batch: SparseBatch) -> SparseBatch:
        assert batch.labels_N is not None
        return batch.select(batch.labels_N == 1)

    augment = AugmentConfig(flip=True, max_shift=(3, 3), scale=0.5)
    with (
        _stream(dataset, NUM_EVENTS, augment=augment) as whole,
        _stream(dataset, NUM_EVENTS, augment=augment, select=cosmics) as few,
    ):
        for _ in range(2):
            one, other = cosmics(next(whole)), next(few)
            assert len(other.sites_N) > 0
            for name in ("sites_N", "images_N", "values_N", "labels_N", "event_ids_B3", "vertex_BP"):
                assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_a_state_of_other_events_is_refused_by_name(dataset: EventDataset, tmp_path: Path) -> None:
    with _stream(dataset) as stream:
        next(stream)
        state = stream.state_dict()
    assert (state["epoch"], state["position"], state["seed"], state["manifest"]) == (0, 4, 3, dataset.manifest)
    other = EventDataset(mock.write_shard(tmp_path / "b.h5", num_events=NUM_EVENTS, num_sites=39))
    with pytest.raises(LoaderError, match="the events of the training file changed: manifest"):
        _stream(other, state=state)


def test_max_shift_must_have_a_number_an_axis(dataset: EventDataset) -> None:
    with (
        _stream(dataset, augment=AugmentConfig(max_shift=(1,))) as stream,
        pytest.raises(LoaderError, match=r"max_shift=\(1,\) must have a number for each axis, the images have 2"),
    ):
        next(stream)


def _prefetch_threads() -> int:
    return sum(thread.name.startswith("nuweave-") for thread in threading.enumerate())


def test_the_threads_end_with_the_stream(dataset: EventDataset) -> None:
    stream = _stream(dataset, settings=LoaderConfig(threads=2))
    next(stream)
    assert _prefetch_threads() == 3
    stream.close()
    assert _prefetch_threads() == 0
    assert list(stream) == []


def test_a_stream_that_is_forgotten_stops_its_thread(dataset: EventDataset) -> None:
    stream = _stream(dataset)
    thread = stream._thread
    del stream
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_no_more_batches_are_read_ahead_than_there_are_slabs(
    dataset: EventDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fills: list[int] = []
    fill = dataset.fill

    def counted(*args: Any, **more: Any) -> Any:
        fills.append(1)
        return fill(*args, **more)

    monkeypatch.setattr(dataset, "fill", counted)
    with _stream(dataset, settings=LoaderConfig(prefetch=3)) as stream:
        deadline = time.monotonic() + 10
        while len(fills) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(fills) == 4
        next(stream)


def test_an_error_while_reading_reaches_the_consumer(dataset: EventDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_more: Any) -> None:
        raise StoreError("x.h5: was changed")

    monkeypatch.setattr(dataset, "fill", fail)
    stream = _stream(dataset)
    with pytest.raises(StoreError, match="was changed"):
        next(stream)
    assert _prefetch_threads() == 0


def _damage(dataset: EventDataset, monkeypatch: pytest.MonkeyPatch, entries: Sequence[int]) -> None:
    """Some events can no longer be read."""
    fill = dataset.fill

    def damaged(slab: Any, entries_B: Any, **more: Any) -> Any:
        for entry in entries_B:
            if entry in entries:
                path, event = dataset.locate(int(entry))
                raise DamagedEventError(Fault(path, "is damaged", "copy it again", "sparse2d_image", event))
        return fill(slab, entries_B, **more)

    monkeypatch.setattr(dataset, "fill", damaged)


def test_a_damaged_event_stops_the_stream_unless_it_may_be_left_out(
    dataset: EventDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage(dataset, monkeypatch, [2, 5])
    with (
        _stream(dataset, NUM_EVENTS) as stream,
        pytest.raises(DamagedEventError, match=r"packed.h5: sparse2d_image, event \d+: is damaged"),
    ):
        next(stream)
    with _stream(dataset, NUM_EVENTS, LoaderConfig(quarantine=2)) as stream:
        batches = [next(stream), next(stream)]
        assert sorted(fault.event or 0 for fault in stream.quarantined) == [2, 5]
    assert [batch.num_events for batch in batches] == [NUM_EVENTS - 2] * 2
    whole = {tuple(row) for row in dataset_ids(dataset)}
    left_out = {tuple(dataset_ids(dataset)[entry]) for entry in (2, 5)}
    assert {tuple(row) for row in batches[0].event_ids_B3.tolist()} == whole - left_out
    with (
        _stream(dataset, NUM_EVENTS, LoaderConfig(quarantine=1)) as stream,
        pytest.raises(LoaderError, match=r"2 damaged events, loader\.quarantine=1 may be left out"),
    ):
        next(stream)


def dataset_ids(dataset: EventDataset) -> list[list[int]]:
    """The keys of all events, in the order of the file."""
    ids: list[list[int]] = dataset._event_ids_E3.tolist()
    return ids


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("max_events", [None, 1, 4, 99])
def test_evaluation_sees_each_event_once_in_file_order(
    dataset: EventDataset, world: int, max_events: int | None
) -> None:
    wanted = [tuple(ids) for ids in dataset_ids(dataset)[:max_events]]
    seen: Counter[tuple[int, ...]] = Counter()
    for rank in range(world):
        batches = list(evaluation_batches(dataset, batch=2, rank=rank, world=world, max_events=max_events))
        ids = [tuple(row) for batch in batches for row in batch.event_ids_B3.tolist()]
        assert ids == wanted[rank::world]
        assert all(batch.num_events == 2 for batch in batches[:-1])
        seen.update(ids)
    assert seen == Counter(wanted)


def test_the_hashes_see_every_tensor(path: Path) -> None:
    hashes = _hashes(path, 2 * NUM_EVENTS)
    assert len(set(hashes)) == len(hashes)
    assert GLOBAL_BATCH < NUM_EVENTS
