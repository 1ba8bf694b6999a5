"""The order of events, and the stream of batches that follows it.

Position p = step * global_batch + i of the endless stream is event order(epoch)[p % len] of epoch p // len. It depends
on seed and data alone: any number of ranks sees the same global batches, and a stream starts at any step at once.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nuweave.loader.augment import Flips, draw_flips
from nuweave.loader.batch import SparseBatch
from nuweave.loader.dataset import PackedDataset

BATCHES_AHEAD = 2
POLL_S = 0.1


@lru_cache(maxsize=4)
def order(seed: int, epoch: int, num_events: int) -> NDArray[np.int64]:
    """The order of an epoch.

    Args:
        seed: of the run.
        epoch: how often the events were seen before.
        num_events: events in the file.
    Returns:
        int64[num_events], a permutation; read-only.
    """
    permutation = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(num_events)
    permutation.flags.writeable = False
    return permutation


@dataclass(frozen=True)
class Plan:
    """Which events a rank reads at a step.

    Attributes:
        num_events: events in the file.
        seed: of the run.
        global_batch: events a step over all ranks.
        rank: this rank.
        world: number of ranks.
        augment: whether events are flipped at random.
        ndim: axes of an image.
    """

    num_events: int
    seed: int
    global_batch: int
    rank: int
    world: int
    augment: bool
    ndim: int

    def __post_init__(self) -> None:
        if self.global_batch < 1 or self.global_batch % self.world:
            good = max(1, round(self.global_batch / self.world)) * self.world
            raise ValueError(
                f"global_batch={self.global_batch} must divide by the number of ranks, {self.world}; try {good}"
            )

    def entries(self, step: int) -> tuple[list[int], list[Flips] | None]:
        """Positions in the file, and the axes to flip of each, None without augmentation."""
        positions = range(step * self.global_batch + self.rank, (step + 1) * self.global_batch, self.world)
        places = [divmod(position, self.num_events) for position in positions]
        entries = [int(order(self.seed, epoch, self.num_events)[place]) for epoch, place in places]
        if not self.augment:
            return entries, None
        epochs = [epoch for epoch, _ in places]
        flips = [
            draw_flips(seed=self.seed, epoch=epoch, entry=entry, ndim=self.ndim)
            for epoch, entry in zip(epochs, entries, strict=True)
        ]
        return entries, flips


class TrainingStream(Iterator[SparseBatch]):
    """Endless batches, read ahead by one thread. Close it, or use it as a context manager.

    Attributes:
        wait_seconds: time that the consumer spent waiting for data so far.
    """

    def __init__(self, dataset: PackedDataset, plan: Plan, start_step: int) -> None:
        self.wait_seconds = 0.0
        self._ready: queue.Queue[SparseBatch | BaseException] = queue.Queue(BATCHES_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_read_ahead,
            args=(dataset, plan, start_step, self._ready, self._stop),
            name="nuweave-prefetch",
            daemon=True,
        )
        self._thread.start()
        weakref.finalize(self, self._stop.set)

    def __next__(self) -> SparseBatch:
        if self._stop.is_set():
            raise StopIteration
        start = time.perf_counter()
        batch = self._ready.get()
        self.wait_seconds += time.perf_counter() - start
        if isinstance(batch, BaseException):
            self.close()
            raise batch
        return batch

    def close(self) -> None:
        """Stop the thread; no batch follows."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def training_stream(
    dataset: PackedDataset,
    *,
    seed: int,
    global_batch: int,
    rank: int = 0,
    world: int = 1,
    start_step: int = 0,
    augment: bool = False,
) -> TrainingStream:
    """Endless batches for training: every event once an epoch, in an order of (seed, epoch) alone.

    Args:
        dataset: the events.
        seed: of the run.
        global_batch: events a step over all ranks; must divide by `world`.
        rank: this rank; it takes events rank, rank + world, ... of each global batch.
        world: number of ranks.
        start_step: first step; a resumed stream goes on exactly as the first one would have.
        augment: flip events along their axes at random, one draw from (seed, epoch, event).
    Raises:
        ValueError: global_batch does not divide by the number of ranks.
    """
    plan = Plan(
        num_events=len(dataset),
        seed=seed,
        global_batch=global_batch,
        rank=rank,
        world=world,
        augment=augment,
        ndim=dataset.ndim,
    )
    return TrainingStream(dataset, plan, start_step)


def evaluation_batches(
    dataset: PackedDataset, *, batch: int, rank: int = 0, world: int = 1, max_events: int | None = None
) -> Iterator[SparseBatch]:
    """Batches in the order of the file, each event once; the last batch may be short.

    Args:
        dataset: the events.
        batch: events a batch.
        rank: this rank; it takes events rank, rank + world, ... and may get one fewer than others, or none.
        world: number of ranks.
        max_events: look at the first events of the file only, over all ranks.
    """
    num = len(dataset) if max_events is None else min(max_events, len(dataset))
    entries = range(rank, num, world)
    for start in range(0, len(entries), batch):
        yield dataset.read(entries[start : start + batch])


def _read_ahead(
    dataset: PackedDataset,
    plan: Plan,
    step: int,
    ready: queue.Queue[SparseBatch | BaseException],
    stop: threading.Event,
) -> None:
    """Fill the queue until told to stop; an exception is handed to the consumer in place of a batch."""
    item: SparseBatch | BaseException
    while not stop.is_set():
        try:
            entries, flips = plan.entries(step)
            item = dataset.read(entries, flips=flips)
        except BaseException as error:
            item = error
        while not stop.is_set():
            try:
                ready.put(item, timeout=POLL_S)
                break
            except queue.Full:
                continue
        if isinstance(item, BaseException):
            return
        step += 1
