"""Batches read ahead: the sampler says which events, threads fill slabs, the consumer gets them on its device.

What a rank sees at a step depends on seed, epoch and data alone: any number of ranks shares the same global batches,
and a stream goes on from a saved state as if it had never stopped.
"""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from nuweave.config.train import AugmentConfig, LoaderConfig
from nuweave.loader.augment import Ranges, augmented, draw
from nuweave.loader.batch import SparseBatch
from nuweave.loader.dataset import EventDataset
from nuweave.loader.errors import LoaderError
from nuweave.loader.sampler import GlobalBatch, Order, Place, Sampler
from nuweave.loader.slab import HostBatch, Slab
from nuweave.store import DamagedEventError, Fault

POLL_S = 0.1
CPU = torch.device("cpu")


def make_sampler(dataset: EventDataset, settings: LoaderConfig, *, seed: int, global_batch: int) -> Sampler:
    """The order of a training.

    Args:
        dataset: the events.
        settings: blocks, window, remainder and site budget.
        seed: of the run.
        global_batch: events a step over all ranks; the most, where there is a site budget.
    Raises:
        LoaderError: an event has more sites than the budget, or no batch would ever be full.
    """
    order = Order(
        num_events=len(dataset),
        seed=seed,
        manifest=dataset.manifest,
        block_events=settings.block_events,
        window_blocks=settings.window_blocks,
    )
    return Sampler(
        order,
        global_batch,
        remainder=settings.remainder,
        max_sites=settings.max_sites,
        sites=None if settings.max_sites is None else dataset.sites_E,
    )


@dataclass(frozen=True)
class _Filled:
    """A batch on its way to the consumer, decoded already where that needs no other device, and where it ends."""

    host: HostBatch
    slab: Slab
    end: Place
    batch: SparseBatch | None


@dataclass(frozen=True)
class _Decode:
    """From a slab to a batch on its device: widened, its sites selected, its events changed at random."""

    dataset: EventDataset
    select: Callable[[SparseBatch], SparseBatch]
    ranges: Ranges
    seed: int

    def __call__(self, host: HostBatch, slab: Slab) -> SparseBatch:
        batch = self.select(self.dataset.decode(host, slab))
        if self.ranges.is_off:
            return batch
        augmentation = draw(
            self.ranges, seed=self.seed, entries=host.entries_B, epochs=host.epochs_B, ndim=self.dataset.ndim
        )
        return augmented(batch, augmentation)


@dataclass
class _Shared:
    """What the reading thread and the consumer have in common; the stream itself may be forgotten."""

    empty: queue.SimpleQueue[Slab] = field(default_factory=queue.SimpleQueue)
    ready: queue.SimpleQueue[_Filled | BaseException] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    quarantined: dict[int, Fault] = field(default_factory=dict)


class TrainingStream(Iterator[SparseBatch]):
    """Endless batches for one rank: its share of each global batch. Close it, or use it as a context manager.

    Args:
        dataset: the events.
        sampler: their order.
        rank: this rank; it takes events rank, rank + world, ... of each global batch, perhaps none of a small one.
        world: number of ranks.
        state: of an earlier stream over the same events, with any number of ranks; None starts at the first epoch.
        select: takes the sites of a batch that are wanted, before work goes into the others.
        augment: random changes to the events.
        settings: threads, slabs and quarantine.
        device: that batches go to.
        every: (n, k): of the batches from `state` on, leave out n, then give one in k.
    Raises:
        LoaderError: the state is of other events, another seed or another order.

    """

    def __init__(
        self,
        dataset: EventDataset,
        sampler: Sampler,
        *,
        rank: int = 0,
        world: int = 1,
        state: Mapping[str, Any] | None = None,
        select: Callable[[SparseBatch], SparseBatch] = lambda batch: batch,
        augment: AugmentConfig | None = None,
        settings: LoaderConfig | None = None,
        device: torch.device = CPU,
        every: tuple[int, int] = (0, 1),
    ) -> None:
        settings = settings or LoaderConfig()
        self._sampler = sampler
        augment = augment or AugmentConfig()
        ranges = Ranges(augment.flip, augment.max_shift, augment.scale)
        self._decode = _Decode(dataset, select, ranges, sampler.order.seed)
        self._place = Place(0, 0) if state is None else sampler.restore(state)
        self._shared = _Shared()
        for _ in range(settings.prefetch + 1):  # one is being decoded while the others are filled
            self._shared.empty.put(dataset.new_slab(device))
        batches = islice(sampler.batches(self._place), every[0], None, every[1])
        shares = ((batch, *batch.share(rank, world)) for batch in batches)
        self._thread = threading.Thread(
            target=_read_ahead,
            args=(self._decode, device, shares, settings, self._shared),
            name="nuweave-prefetch",
            daemon=True,
        )
        self._thread.start()
        weakref.finalize(self, self._shared.stop.set)

    def __next__(self) -> SparseBatch:
        if self._shared.stop.is_set():
            raise StopIteration
        filled = self._shared.ready.get()
        if isinstance(filled, BaseException):
            self.close()
            raise filled
        batch = filled.batch or self._decode(filled.host, filled.slab)
        self._shared.empty.put(filled.slab)  # not before: its filling would take the processor from this thread
        self._place = filled.end
        return batch

    @property
    def quarantined(self) -> list[Fault]:
        """Events of this rank that were left out because they are damaged."""
        return list(self._shared.quarantined.values())

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands after the batch that was given last; for any number of ranks."""
        return self._sampler.state(self._place)

    def close(self) -> None:
        """Stop the thread; no batch follows."""
        self._shared.stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def evaluation_batches(
    dataset: EventDataset, *, batch: int, rank: int = 0, world: int = 1, max_events: int | None = None
) -> Iterator[SparseBatch]:
    """Batches in the order of the files, each event once; the last batch may be short.

    Args:
        dataset: the events.
        batch: events a batch.
        rank: this rank; it takes events rank, rank + world, ... and may get one fewer than others, or none.
        world: number of ranks.
        max_events: look at the first events only, over all ranks.
    """
    num = len(dataset) if max_events is None else min(max_events, len(dataset))
    entries = range(rank, num, world)
    for start in range(0, len(entries), batch):
        yield dataset.read(entries[start : start + batch])


def _read_ahead(
    decode: _Decode,
    device: torch.device,
    shares: Iterator[tuple[GlobalBatch, NDArray[np.int64], NDArray[np.int64]]],
    settings: LoaderConfig,
    shared: _Shared,
) -> None:
    """Fill slabs until told to stop; an exception is handed to the consumer in place of a batch."""
    with ThreadPoolExecutor(settings.threads, "nuweave-read") as pool:
        try:
            for batch, entries_B, epochs_B in shares:
                slab = _wait_for(shared)
                if slab is None:
                    return
                host = _fill_whole(decode.dataset, slab, entries_B, epochs_B, pool, settings, shared.quarantined)
                decoded = decode(host, slab) if device.type == "cpu" else None  # a GPU decodes in its own order
                shared.ready.put(_Filled(host, slab, batch.end, decoded))
        except BaseException as error:
            shared.ready.put(error)


def _wait_for(shared: _Shared) -> Slab | None:
    """A slab that may be filled; None once the stream was stopped."""
    while not shared.stop.is_set():
        try:
            return shared.empty.get(timeout=POLL_S)
        except queue.Empty:
            continue
    return None


def _fill_whole(
    dataset: EventDataset,
    slab: Slab,
    entries_B: NDArray[np.int64],
    epochs_B: NDArray[np.int64],
    pool: ThreadPoolExecutor,
    settings: LoaderConfig,
    quarantined: dict[int, Fault],
) -> HostBatch:
    """Read a batch; damaged events are left out of it, listed, as long as there may be that many.

    Raises:
        LoaderError: there are more.
        StoreError: anything else cannot be read.
    """
    while True:
        keep_B = ~np.isin(entries_B, list(quarantined))
        entries_B, epochs_B = entries_B[keep_B], epochs_B[keep_B]
        try:
            return dataset.fill(
                slab,
                entries_B,
                epochs_B=epochs_B,
                pool=pool if settings.threads > 1 else None,
                num_threads=settings.threads,
            )
        except DamagedEventError as error:
            if not settings.quarantine:
                raise
            fault = error.fault
            entry = next(int(at) for at in entries_B if dataset.locate(int(at)) == (fault.path, fault.event))
            quarantined[entry] = fault
            if len(quarantined) > settings.quarantine:
                raise LoaderError(
                    f"{len(quarantined)} damaged events, loader.quarantine={settings.quarantine} may be left out; "
                    f"mend the files (nuweave check names all faults); the last one: {fault}"
                ) from None
