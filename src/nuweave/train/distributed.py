"""The ranks of a training: their devices and the few values that they exchange."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed
from torch.distributed.distributed_c10d import PrefixStore, Store

from nuweave.config.train import TrainConfig
from nuweave.ranks import find_place
from nuweave.train.failure import errors_of_ranks
from nuweave.train.meeting import agree, meet
from nuweave.train.placement import node_name, own_facts
from nuweave.train.watch import Pulse, watching

BACKENDS = {"cuda": "nccl", "xpu": "xccl", "cpu": "gloo"}
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This rank among all. With one rank every exchange is the identity."""

    rank: int
    world_size: int
    device: torch.device
    is_first_of_node: bool = True
    pulse: Pulse = field(default_factory=Pulse, compare=False)

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes and speaks."""
        return self.rank == 0

    def alive(self, where: str) -> None:
        """A phase of the training begins, as "step 12: forward": a hang is told by the last one."""
        self.pulse.alive(where)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over ranks, on each."""
        if self.world_size == 1:
            return tensor
        self.pulse.exchange()
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    def gather(self, value: T) -> list[T]:
        """The values of all ranks in order, on each."""
        if self.world_size == 1:
            return [value]
        self.pulse.exchange()
        values: list[T] = [value] * self.world_size
        distributed.all_gather_object(values, value)
        return values

    def broadcast(self, value: T) -> T:
        """Rank 0's value, on each; what the others pass does not matter."""
        if self.world_size == 1:
            return value
        self.pulse.exchange()
        values = [value]
        distributed.broadcast_object_list(values, src=0, device=self.device)
        return values[0]

    def barrier(self) -> None:
        """Wait for all ranks."""
        self.gather(None)


def choose_device(local_rank: int, ranks_per_device: int = 1) -> torch.device:
    """CUDA, XPU or CPU; neighbours share a device, and ranks of a node take its devices in turn."""
    for kind, module in (("cuda", torch.cuda), ("xpu", torch.xpu)):
        if module.is_available():
            index = local_rank // ranks_per_device % module.device_count()
            module.set_device(index)
            return torch.device(kind, index)
    return torch.device("cpu")


def choose_backend(device: torch.device, ranks_per_device: int) -> str:
    """The library of the exchanges. NCCL refuses two ranks on a GPU ("Duplicate GPU detected"), gloo does not."""
    return "gloo" if ranks_per_device > 1 else BACKENDS[device.type]


def one_process() -> Ranks:
    """A training without other ranks, whatever started this process."""
    return Ranks(rank=0, world_size=1, device=choose_device(0))


@contextmanager
def all_ranks(settings: TrainConfig, tell: Callable[[str], None]) -> Iterator[Ranks]:
    """Join the other ranks; leave them at the end.

    With other ranks no error leaves this: it is told and ends the process, and so does a hang of any rank.

    Args:
        settings: number of ranks, ranks a device, longest time without progress.
        tell: gets the start-up report, on rank 0.
    Raises:
        TrainError: the ranks do not meet or do not fit together.
    """
    place = find_place(os.environ)
    # the watch speaks first, where it can
    timeout = timedelta(seconds=2 * settings.limits.hang_timeout_s + 60)
    with errors_of_ranks(place=place):
        device = choose_device(place.local_rank, settings.ranks_per_device)  # before MPI starts
        store, world_size = meet(place, timeout)
    ranks = Ranks(place.rank, world_size, device, is_first_of_node=place.local_rank == 0)
    try:
        with errors_of_ranks(store, place):
            facts = own_facts(ranks.rank, device, settings, is_first_of_node=ranks.is_first_of_node)
            torch.set_num_threads(
                agree(store, facts, world_size, settings=settings, launcher=place.launcher, tell=tell)
            )
            distributed.init_process_group(
                choose_backend(device, settings.ranks_per_device),
                store=PrefixStore("group", store),
                rank=ranks.rank,
                world_size=world_size,
                timeout=timeout,
            )
            with _watched(ranks, store, settings):
                yield ranks
                ranks.barrier()  # rank 0 keeps the store: nobody leaves it early
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _watched(ranks: Ranks, store: Store, settings: TrainConfig) -> AbstractContextManager[None]:
    return watching(
        ranks.pulse,
        store,
        rank=ranks.rank,
        world_size=ranks.world_size,
        name=f"host {node_name()}, process {os.getpid()}",
        timeout_s=settings.limits.hang_timeout_s,
    )
