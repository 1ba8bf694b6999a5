"""What `bench train` times on every rank: steps of trainings in turn, checkpoints, sums over ranks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, distributed

from nuweave.bench.train_cases import Case, model_of
from nuweave.config import ModelConfig
from nuweave.loader import EventDataset, SparseBatch, make_sampler
from nuweave.tasks import make_task
from nuweave.train.checkpoint import Checkpoints, Progress
from nuweave.train.distributed import Ranks
from nuweave.train.engine import Engine, State, make_engine
from nuweave.train.loop import train_steps
from nuweave.train.network import new_network
from nuweave.train.schedule import make_schedule
from nuweave.train.stream import open_stream

SEED = 1
UNCOUNTED = 2  # first steps of a training: they allocate, choose kernels and fill caches
Step = dict[str, float]  # what a step took, see `_Training.step`


def time_steps(cases: Sequence[Case], dataset: EventDataset, ranks: Ranks, *, num_steps: int) -> dict[str, list[Step]]:
    """Case -> its steps; the cases step in turn, all ranks at the same time."""
    found: dict[str, list[Step]] = {case.name: [] for case in cases}
    with ExitStack() as stack:
        trainings = [
            stack.enter_context(closing(_Training(case, dataset, ranks, num_steps=UNCOUNTED + num_steps)))
            for case in cases
        ]
        for number in range(UNCOUNTED + num_steps):
            for case, training in zip(cases, trainings, strict=True):
                ranks.barrier()
                step = training.step()
                if number >= UNCOUNTED:
                    found[case.name].append(step)
    return found


def time_saves(case: Case, dataset: EventDataset, ranks: Ranks, *, num_saves: int) -> list[float]:
    """Seconds from the end of a step to a checkpoint that counts, for all ranks."""
    seconds = []
    with closing(_Training(case, dataset, ranks, num_steps=1)) as training, _shared_folder(ranks) as folder:
        training.step()
        checkpoints = Checkpoints(folder, engine=training.engine, ranks=ranks, origin={}, num_kept=1, tell=_say_nothing)
        for number in range(num_saves):
            ranks.barrier()
            start = time.perf_counter()
            checkpoints.save(Progress(step=number + 1, seconds=0.0))
            ranks.barrier()
            seconds.append(time.perf_counter() - start)
    return seconds


def time_sums(num_bytes: int, ranks: Ranks, *, num_sums: int) -> list[float]:
    """Seconds of sums over all ranks of a float32 tensor, in place, as gradients are summed."""
    tensor = torch.zeros(num_bytes // 4, device=ranks.device)
    seconds = []
    for _ in range(UNCOUNTED + num_sums):
        ranks.barrier()
        start = time.perf_counter()
        distributed.all_reduce(tensor)
        _finish(ranks.device)
        seconds.append(time.perf_counter() - start)
    return seconds[UNCOUNTED:]


class _Training:
    """A case, a step at a time."""

    def __init__(self, case: Case, dataset: EventDataset, ranks: Ranks, *, num_steps: int) -> None:
        model = model_of(case, num_ranks=ranks.world_size)
        task = make_task(model.task)
        torch.manual_seed(SEED)
        self.engine = make_engine(task, new_network(model, task, dataset), model.train, ranks)
        self._watched = _Watched(self.engine, exchange=case.exchange)
        self._batches = _batches(case, model, dataset, ranks, num_steps)
        self._steps = train_steps(
            task=task,
            engine=self._watched,
            ranks=ranks,
            batches=self._batches,
            steps=range(num_steps),
            rate=make_schedule(model.train),
            asked_to_stop=lambda: False,
            num_parts=model.train.accumulate,
        )

    def step(self) -> Step:
        """Train on a batch.

        Returns:
            seconds, and of them wait, forward, backward, optimizer; and the sites that the network of this rank saw.
        """
        self._watched.spent.clear()
        done = next(self._steps)
        return {"seconds": done.seconds, "wait": done.wait_seconds, **self._watched.spent}

    def close(self) -> None:
        """Stop reading."""
        self._batches.close()


class _Watched:
    """An engine whose calls are timed; without `exchange` the gradients stay those of each rank."""

    def __init__(self, engine: Engine, *, exchange: bool) -> None:
        self.network, self.num_shards, self.scales_loss = engine.network, engine.num_shards, engine.scales_loss
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._engine, self._exchange = engine, exchange

    def forward(self, batch: SparseBatch, *, is_last: bool = True) -> Any:
        self.spent["sites"] += len(batch.sites_N)
        with self._clock("forward"):
            return self._engine.forward(batch, is_last=is_last and self._exchange)

    def backward(self, loss: Tensor) -> None:
        with self._clock("backward"):
            self._engine.backward(loss)

    def step(self, learning_rate: float) -> float:
        with self._clock("optimizer"):
            return self._engine.step(learning_rate)

    def state(self) -> State:
        return self._engine.state()

    def restore(self, num_shards: int, read: Callable[[int], State]) -> None:
        self._engine.restore(num_shards, read)

    @contextmanager
    def _clock(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.spent[what] += time.perf_counter() - start


def _batches(
    case: Case, model: ModelConfig, dataset: EventDataset, ranks: Ranks, num_steps: int
) -> Generator[SparseBatch, None, None]:
    settings = model.train
    share = Ranks(0, 1, ranks.device) if case.alike else ranks
    global_batch = settings.global_batch * share.world_size // ranks.world_size
    sampler = make_sampler(dataset, settings.loader, seed=SEED, global_batch=global_batch)
    with open_stream(dataset, sampler, task=make_task(model.task), settings=settings, ranks=share) as stream:
        yield from list(islice(stream, num_steps)) if case.events == "held" else stream


@contextmanager
def _shared_folder(ranks: Ranks) -> Iterator[Path]:
    """A folder of rank 0 that all write to."""
    with ExitStack() as stack:
        own = stack.enter_context(TemporaryDirectory(prefix="nuweave-bench-")) if ranks.is_first else ""
        yield Path(ranks.broadcast(own))
        ranks.barrier()


def _say_nothing(_: str) -> None:
    pass


def _finish(device: torch.device) -> None:
    """Wait for what was sent to a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
