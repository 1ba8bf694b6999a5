"""The ranks of a training: their devices and the few values that they exchange."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed

from nuweave.train.errors import TrainError
from nuweave.train.launch import find_place, launch_environment

BACKENDS = {"cuda": "nccl", "xpu": "xccl", "cpu": "gloo"}
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This rank among all. With one rank every exchange is the identity."""

    rank: int
    world_size: int
    device: torch.device
    is_first_of_node: bool = True

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes and speaks."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over ranks, on each."""
        if self.world_size == 1:
            return tensor
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    def gather(self, value: T) -> list[T]:
        """The values of all ranks in order, on each."""
        if self.world_size == 1:
            return [value]
        values: list[T] = [value] * self.world_size
        distributed.all_gather_object(values, value)
        return values

    def broadcast(self, value: T) -> T:
        """Rank 0's value, on each; what the others pass does not matter."""
        if self.world_size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0, device=self.device)
        return values[0]

    def barrier(self) -> None:
        """Wait for all ranks."""
        self.gather(None)


def choose_device(local_rank: int) -> torch.device:
    """CUDA, XPU or CPU; ranks of a node share its devices in turn."""
    for kind, module in (("cuda", torch.cuda), ("xpu", torch.xpu)):
        if module.is_available():
            index = local_rank % module.device_count()
            module.set_device(index)
            return torch.device(kind, index)
    return torch.device("cpu")


def one_process() -> Ranks:
    """A training without other ranks, whatever started this process."""
    return Ranks(rank=0, world_size=1, device=choose_device(0))


@contextmanager
def all_ranks(num_ranks: int) -> Iterator[Ranks]:
    """Join the other ranks; leave them at the end.

    Args:
        num_ranks: as the settings have it.
    Raises:
        TrainError: another number of ranks was started.
    """
    place = find_place(os.environ)
    device = choose_device(place.local_rank)
    world_size = launch_environment(place)
    if world_size != num_ranks:
        raise TrainError(
            f"train.ranks={num_ranks} but {world_size} started ({place.launcher}); "
            f"start with mpiexec -n {num_ranks}, or set train.ranks: {world_size}"
        )
    torch.set_num_threads(max(1, torch.get_num_threads() // place.local_size))
    distributed.init_process_group(BACKENDS[device.type], rank=place.rank, world_size=world_size)
    try:
        yield Ranks(place.rank, world_size, device, is_first_of_node=place.local_rank == 0)
    finally:
        distributed.destroy_process_group()
