"""How much memory training takes on active sites and on whole images, each in a process that does nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn

from nuweave.bench.model_events import fresh
from nuweave.bench.model_ways import A21, LAYOUTS, Side, network_of, our_network, training_step
from nuweave.bench.stopwatch import apart
from nuweave.sparse import SparseTensor, from_sites

GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}  # glibc: blocks of 1 MiB and more are returned when freed
STEPS = 3  # from the second on the states of the optimiser are there beside the activations


class Peak(NamedTuple):
    """Memory while a network was trained.

    Attributes:
        grown_bytes: most that the process was larger than before the network was made. Steps of tiny networks before
            that have loaded the code.
        held_bytes: of these, parameters, their gradients and the two states that AdamW has for each.
    """

    grown_bytes: int
    held_bytes: int


def training_peak(x: SparseTensor, side: Side, *, num_threads: int, give_back: bool = False) -> Peak:
    """Train on an event for a few steps in a new process.

    `give_back`: let glibc return what is freed at once; by default it keeps some tens of MB, and is faster.
    """
    with _allocator(GIVE_BACK if give_back else {}):
        return apart(_train, fresh(x), side, num_threads)


@contextmanager
def _allocator(settings: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started inside have these environment variables too."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _train(x: SparseTensor, side: Side, num_threads: int) -> Peak:
    torch.set_num_threads(num_threads)
    for layout in LAYOUTS:
        tiny = _tiny_event(x.num_images)
        _steps(our_network(A21.model_copy(update={"layout": layout, "bottleneck": 8}), tiny.shape), tiny)
    before = _status("VmRSS")
    network = network_of(side, x.shape)
    _steps(network, x)
    held_bytes = 4 * sum(p.numel() * p.itemsize for p in network.parameters())
    return Peak(_status("VmHWM") - before, held_bytes)


def _steps(network: nn.Module, x: SparseTensor) -> None:
    step = training_step(network, x)
    for _ in range(STEPS):
        step()


def _tiny_event(num_images: int) -> SparseTensor:
    """A row of sites in every image."""
    length = 2**A21.depth
    image_N, site_N = torch.ones(num_images, length, dtype=torch.int64).nonzero(as_tuple=True)
    return from_sites(image_N, site_N, torch.rand(len(site_N), 1), shape=(length, length), num_images=num_images)


def _status(key: Literal["VmRSS", "VmHWM"]) -> int:
    """Memory of this process, now or at most, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))
