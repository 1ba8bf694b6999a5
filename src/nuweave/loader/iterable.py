"""The loader for programs that have a torch DataLoader: batches in the same order, with a state to go on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from nuweave.config.train import AugmentConfig, LoaderConfig
from nuweave.loader.batch import SparseBatch
from nuweave.loader.dataset import EventDataset
from nuweave.loader.stream import TrainingStream, make_sampler


class EventBatches(IterableDataset[SparseBatch]):
    """Endless batches for `torch.utils.data.DataLoader(EventBatches(...), batch_size=None)`.

    With worker processes, worker w of k gives batches w, w + k, ...: the DataLoader puts them together in the same
    order. `state_dict` is that of the process in which it is called, as torchdata's StatefulDataLoader asks for it.

    Args:
        dataset: the events.
        seed: of the order.
        global_batch: events a step over all ranks.
        rank: this rank; it takes events rank, rank + world, ... of each global batch.
        world: number of ranks.
        augment: random changes to the events.
        settings: threads, slabs, blocks, site budget.
    """

    def __init__(
        self,
        dataset: EventDataset,
        *,
        seed: int,
        global_batch: int,
        rank: int = 0,
        world: int = 1,
        augment: AugmentConfig | None = None,
        settings: LoaderConfig | None = None,
    ) -> None:
        self._dataset, self._rank, self._world = dataset, rank, world
        self._augment, self._settings = augment, settings or LoaderConfig()
        self._sampler = make_sampler(dataset, self._settings, seed=seed, global_batch=global_batch)
        self._state: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[SparseBatch]:
        worker = get_worker_info()
        number, num_workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        state = dict(self._state or {})
        first = state.pop("skip", number)
        stream = TrainingStream(
            self._dataset,
            self._sampler,
            rank=self._rank,
            world=self._world,
            state=state or None,
            augment=self._augment,
            settings=self._settings,
            every=(first, num_workers),
        )
        with stream:
            for batch in stream:
                self._state = stream.state_dict() | {"skip": num_workers - 1}
                yield batch

    def state_dict(self) -> dict[str, Any]:
        """Where this process stands after the batch that it gave last; empty before the first."""
        return dict(self._state or {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`, in a process of the same number among as many workers; ranks may differ in number."""
        self._state = dict(state) or None
