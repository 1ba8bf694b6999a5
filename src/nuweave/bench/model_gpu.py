"""How many events a second a device trains on, on active sites and on whole images, at growing batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from statistics import median
from typing import NamedTuple

import torch

from nuweave.bench.model_events import together
from nuweave.bench.model_ways import Side, network_of, training_step
from nuweave.bench.plain_uresnet import NUM_PLANES
from nuweave.bench.stopwatch import timed
from nuweave.sparse import SparseTensor

MAX_BATCH = 512


class Rate(NamedTuple):
    """Training at one batch.

    Attributes:
        batch: events of a step.
        events_per_s: in the median step.
        peak_bytes: most that tensors took on the device.
    """

    batch: int
    events_per_s: float
    peak_bytes: int


def training_rates(
    events: Sequence[SparseTensor],
    layout: Side,
    *,
    device: torch.device,
    repeats: int,
    max_batch: int = MAX_BATCH,
) -> list[Rate]:
    """Batches of 1, 2, 4 and so on, until memory is out; events are repeated where there are too few."""
    rates: list[Rate] = []
    batch = 1
    while batch <= max_batch:
        try:
            rates.append(_rate(together(list(islice(cycle(events), batch))), layout, device=device, repeats=repeats))
        except torch.OutOfMemoryError:
            break
        batch *= 2
    return rates


def _rate(x: SparseTensor, layout: Side, *, device: torch.device, repeats: int) -> Rate:
    """The median of some steps after one that is not counted; the batch is on the device already."""
    network = network_of(layout, x.shape).to(device)
    x = SparseTensor(x.feat_NC.to(device), x.key_N.to(device), x.shape, x.num_images)

    step = training_step(network, x)
    on_gpu = device.type == "cuda"

    def finished_step() -> None:
        step()
        if on_gpu:
            torch.cuda.synchronize(device)

    finished_step()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    seconds = median(timed(finished_step).wall_s for _ in range(repeats))
    batch = x.num_images // NUM_PLANES
    return Rate(batch, batch / seconds, torch.cuda.max_memory_allocated(device) if on_gpu else 0)
