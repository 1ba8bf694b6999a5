"""The order of events, and how it is cut into batches: a function of (seed, epoch, manifest) alone.

A file's entries are cut into blocks that lie together on disk. Each epoch permutes the blocks, takes them in windows of
a few, and permutes the events of each window: reads stay local, neighbours are mixed. Every permutation is drawn by a
counter-based generator, so that any window is found without those before it. Neither order nor state knows how many
ranks there are: each takes its share of the same global batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.loader.errors import LoaderError

ORDER_VERSION = 1  # goes up with any change that gives another order for the same settings
BLOCKS, EVENTS = 0, 1  # what a permutation is of; part of its counter
CHANGED = {  # setting of a saved state -> what changed with it, remedy
    "version": ("the way to draw the order", "go on with the program that saved it"),
    "manifest": ("the events of the training file", "put the old file back"),
    "num_events": ("the events of the training file", "put the old file back"),
}


@dataclass(frozen=True)
class Order:
    """The order of every epoch.

    Attributes:
        num_events: events in the file.
        seed: of the run, from 0, below 2**64.
        manifest: sha256 in hex of what the file holds.
        block_events: neighbours in the file that stay in one window; the last block may be short.
        window_blocks: blocks whose events are mixed.
    Raises:
        LoaderError: the file has no events.
    """

    num_events: int
    seed: int
    manifest: str
    block_events: int = 256
    window_blocks: int = 16

    def __post_init__(self) -> None:
        if self.num_events < 1:
            raise LoaderError("the training file has no events; at least one is needed, split and pack more")

    def epoch(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """A piece of an epoch, for the price of the windows that it touches.

        Args:
            epoch: how often the events were seen before.
            start: first position in the epoch.
            stop: position after the last one, at most num_events.
        Returns:
            int64[stop - start], entries of the file; start = 0 and stop = num_events give a permutation.
        """
        _, firsts = _shuffled_blocks(self, epoch)
        bounds = firsts[:: self.window_blocks]
        window = int(np.searchsorted(bounds, start, side="right")) - 1
        pieces = [np.empty(0, np.int64)]
        while start < stop:
            entries, first = _shuffled_window(self, epoch, window), int(bounds[window])
            pieces.append(entries[start - first : stop - first])
            start, window = first + len(entries), window + 1
        return np.concatenate(pieces)


@lru_cache(maxsize=4)
def _shuffled_blocks(order: Order, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The blocks of an epoch in their order, and the position of each one's first event."""
    blocks = _permutation(order, -(-order.num_events // order.block_events), epoch=epoch, purpose=BLOCKS)
    sizes = np.minimum(order.num_events - blocks * order.block_events, order.block_events)
    return blocks, np.cumsum(sizes) - sizes


@lru_cache(maxsize=8)
def _shuffled_window(order: Order, epoch: int, window: int) -> NDArray[np.int64]:
    """The entries of a window in their order."""
    blocks, _ = _shuffled_blocks(order, epoch)
    inside = blocks[window * order.window_blocks : (window + 1) * order.window_blocks]
    entries = (inside[:, None] * order.block_events + np.arange(order.block_events)).ravel()
    entries = entries[entries < order.num_events]
    return entries[_permutation(order, len(entries), epoch=epoch, purpose=EVENTS, window=window)]


def _permutation(order: Order, length: int, *, epoch: int, purpose: int, window: int = 0) -> NDArray[np.int64]:
    """A permutation of range(length): the ranks of raw words, whose stream no version of numpy changes."""
    key = np.array([order.seed, int(order.manifest[:16], 16)], np.uint64)
    counter = np.array([0, purpose, window, epoch], np.uint64)  # the first word counts the words drawn
    return np.argsort(np.random.Philox(key=key, counter=counter).random_raw(length), kind="stable")


@dataclass(frozen=True)
class Place:
    """Where a stream of events stands.

    Attributes:
        epoch: how often all events were given before.
        position: events of this epoch already given, over all ranks.
    """

    epoch: int
    position: int


START = Place(0, 0)


class GlobalBatch(NamedTuple):
    """What all ranks together read at a step.

    Attributes:
        start: where it begins.
        end: where the next one begins.
        entries: int64[events], positions in the file.
        epochs: int64[events], the epoch of each event; a batch may go over from one into the next.
    """

    start: Place
    end: Place
    entries: NDArray[np.int64]
    epochs: NDArray[np.int64]

    def share(self, rank: int, world: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Entries and epochs of one rank: rank, rank + world, ...; none where there are fewer events than ranks."""
        return self.entries[rank::world], self.epochs[rank::world]


@dataclass(frozen=True, eq=False)
class Sampler:
    """Cuts the endless order into global batches.

    Attributes:
        order: of the events.
        global_batch: events a batch over all ranks, or the most where sites bound it too.
        remainder: what happens to the events left at the end of an epoch: `carry` goes over into the next epoch,
            `drop_last` leaves them out, `pad` fills their batch up with the first ones of the same epoch.
        max_sites: most sites a batch over all ranks; None is no bound. Needs `carry`.
        sites: int64[num_events], sites of each event; needed with max_sites.
    Raises:
        LoaderError: a batch has no event, or never fills where the rest is dropped; an event has too many sites for any
            batch; max_sites comes with another remainder than `carry`.
        ValueError: max_sites without the sites of every event.
    """

    order: Order
    global_batch: int
    remainder: Literal["carry", "drop_last", "pad"] = "carry"
    max_sites: int | None = None
    sites: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.global_batch < 1:
            raise LoaderError(f"global_batch={self.global_batch}: a batch needs an event; set it to 1 or more")
        if self.remainder == "drop_last" and self.order.num_events < self.global_batch:
            raise LoaderError(
                f"remainder=drop_last leaves out all {self.order.num_events} events, fewer than global_batch="
                f"{self.global_batch}; lower global_batch to {self.order.num_events}, or set remainder=carry"
            )
        if self.max_sites is not None:
            self._require_sites_within(self.max_sites)

    def _require_sites_within(self, max_sites: int) -> None:
        """Every event must fit a batch, and batches of no fixed size have no remainder."""
        if self.remainder != "carry":
            raise LoaderError(
                f"remainder={self.remainder} needs batches of one size, max_sites={max_sites} makes them vary; "
                "set remainder=carry, or leave max_sites out"
            )
        if self.sites is None or len(self.sites) != self.order.num_events:
            raise ValueError(
                f"max_sites={max_sites} needs `sites`, a number for each of the {self.order.num_events} events"
            )
        largest = int(np.argmax(self.sites))
        if self.sites[largest] > max_sites:
            raise LoaderError(
                f"entry {largest} has {self.sites[largest]} sites, more than max_sites={max_sites} of a whole batch; "
                f"set max_sites to {self.sites[largest]} or more, or leave the event out of the split"
            )

    def batch(self, at: Place) -> GlobalBatch:
        """The batch that begins at a place, or at the next epoch where `drop_last` leaves the rest of this one out."""
        start = self._settled(at)
        entries, epochs = self._following(start)
        if self.max_sites is not None and self.sites is not None:
            count = int(np.searchsorted(np.cumsum(self.sites[entries]), self.max_sites, side="right"))
            entries, epochs = entries[:count], epochs[:count]
        return GlobalBatch(start, self._after(start, len(entries)), entries, epochs)

    def batches(self, at: Place = START) -> Iterator[GlobalBatch]:
        """All batches from a place on, without end."""
        while True:
            batch = self.batch(at)
            yield batch
            at = batch.end

    def seek(self, step: int) -> Place:
        """Where the batch of a step begins, without those before it.

        Raises:
            ValueError: sites bound the batches, so that nobody knows before how many events they have.
        """
        self._require_one_size("seek")
        return Place(*divmod(step * self.global_batch, self._places_per_epoch))

    @property
    def steps_per_epoch(self) -> float:
        """Batches an epoch; a mean with `carry`, whole otherwise. Errors as `seek`."""
        self._require_one_size("steps_per_epoch")
        return self._places_per_epoch / self.global_batch

    @property
    def dropped_per_epoch(self) -> int:
        """Events of an epoch that no batch gives."""
        return self.order.num_events % self.global_batch if self.remainder == "drop_last" else 0

    @property
    def padded_per_epoch(self) -> int:
        """Places of an epoch that repeat an event."""
        return -self.order.num_events % self.global_batch if self.remainder == "pad" else 0

    def state(self, at: Place) -> dict[str, int | str]:
        """What a resumed run needs to go on from a place, whatever its number of ranks; JSON can hold it."""
        return {
            "version": ORDER_VERSION,
            "seed": self.order.seed,
            "manifest": self.order.manifest,
            "num_events": self.order.num_events,
            "block_events": self.order.block_events,
            "window_blocks": self.order.window_blocks,
            "remainder": self.remainder,
            "epoch": at.epoch,
            "position": at.position,
        }

    def restore(self, state: Mapping[str, int | str]) -> Place:
        """The place that `state` saved; global_batch, max_sites and the number of ranks may have changed.

        Raises:
            LoaderError: the state is of another order; the first setting that differs is named.
        """
        for name, here in self.state(START).items():
            if name not in state:
                raise LoaderError(f"resume: the saved state of the loader has no {name}; use an undamaged checkpoint")
            if name not in ("epoch", "position") and state[name] != here:
                what, remedy = CHANGED.get(name, ("the order of events", f"set {name}={state[name]}"))
                saved, now = (str(value)[:20] for value in (state[name], here))  # the start of a hash will do
                raise LoaderError(
                    f"resume: {what} changed: {name} {saved} was saved, {now} is here; {remedy}, or start anew"
                )
        return Place(int(state["epoch"]), int(state["position"]))

    @property
    def _places_per_epoch(self) -> int:
        return self.order.num_events - self.dropped_per_epoch + self.padded_per_epoch

    def _require_one_size(self, asked: str) -> None:
        if self.max_sites is not None:
            raise ValueError(
                f"{asked}: with max_sites={self.max_sites} the number of events varies from batch to batch, "
                "only walking tells; keep state() of the place instead"
            )

    def _settled(self, place: Place) -> Place:
        """The same place, or the start of the next epoch where this one has no batch left."""
        left = self.order.num_events - place.position
        needed = self.global_batch if self.remainder == "drop_last" else 1
        return place if left >= needed else Place(place.epoch + 1, 0)

    def _after(self, start: Place, count: int) -> Place:
        """The place `count` events further; only `carry` goes on in the next epoch."""
        stop = start.position + count
        if self.remainder == "carry":
            laps, position = divmod(stop, self.order.num_events)
            return Place(start.epoch + laps, position)
        return self._settled(Place(start.epoch, min(stop, self.order.num_events)))

    def _following(self, start: Place) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The next global_batch entries and their epochs: over the end into the next epoch, or again into this one."""
        num, stop = self.order.num_events, start.position + self.global_batch
        entries, epochs = [], []
        for lap in range(-(-stop // num)):
            epoch = start.epoch + (lap if self.remainder == "carry" else 0)
            piece = self.order.epoch(epoch, max(start.position - lap * num, 0), min(stop - lap * num, num))
            entries.append(piece)
            epochs.append(np.full(len(piece), epoch))
        return np.concatenate(entries), np.concatenate(epochs)
