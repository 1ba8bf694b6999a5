"""`nuweave bench train`: what training costs beside computing, on one rank and on two.

Cases that are compared step in turn in the same processes, each rank held to one processor and one thread; runs on one
rank and on two alternate.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from itertools import count
from pathlib import Path

import torch

from nuweave.bench.record import Record, make_record
from nuweave.bench.train_cases import (
    DEFAULT_NETWORK,
    ENGINES,
    Case,
    event_groups,
    gpu_groups,
    scaling_groups,
    two_rank_groups,
)
from nuweave.bench.train_events import pack, simulate
from nuweave.bench.train_ranks import Work
from nuweave.bench.train_rows import Measured, make_rows
from nuweave.bench.train_starts import first_step_s, on_ranks
from nuweave.bench.train_ways import UNCOUNTED
from nuweave.config import UserError
from nuweave.loader import EventDataset

DOWNSAMPLE, GPU_DOWNSAMPLE = 4, 2  # the demo's; 640 x 1024 sites
SUMMED_BYTES = (10**6, 10**7, 10**8)
NUM_RANKS = 2
PACKAGES = ("numpy", "torch", "deepspeed", "mpich")


def run_train(*, num_events: int, num_steps: int, repeats: int, command: str) -> Record:
    """Simulate events, and measure.

    Args:
        num_events: to simulate.
        num_steps: that count, of each case.
        repeats: starts, checkpoints, and rounds of one rank and two.
        command: that repeats this run.
    Raises:
        UserError: fewer processors than ranks, or ranks ended with an error.
    """
    load = os.getloadavg()[0]
    num_cores = len(os.sched_getaffinity(0))
    if num_cores < NUM_RANKS:
        raise UserError(
            f"bench train: {NUM_RANKS} ranks need a processor each, {num_cores} found; use a larger machine"
        )
    with tempfile.TemporaryDirectory(prefix="nuweave-bench-") as name:
        folder = Path(name)
        simulate(folder / "raw.h5", num_events=num_events)
        events = folder / "events.h5"
        pack(folder / "raw.h5", events, downsample=DOWNSAMPLE)
        dataset = EventDataset(events)
        measured = measure(dataset, folder, num_steps=num_steps, repeats=repeats)
    sites = float(dataset.sites_E.mean())
    return make_record(
        command,
        make_rows(measured),
        {"steps": num_steps, "repeats": repeats, "load_before": load, **asdict(measured)},
        packages=PACKAGES,
        notes=[
            f"The demo's networks and settings, but for what a row says; {num_events} simulated SBND events of "
            f"{' x '.join(map(str, (dataset.num_planes, *dataset.shape)))}, {sites:,.0f} sites on average; a rank has "
            f"one thread and one processor; {num_steps} steps a case after {UNCOUNTED}; load before: {load:.2f}."
        ],
    )


def measure(dataset: EventDataset, folder: Path, *, num_steps: int, repeats: int) -> Measured:
    """Everything, one after the other.

    Args:
        dataset: events of one file.
        folder: for files of its own; the file of simulated events is there, for a GPU.
        num_steps, repeats: as `run_train` has them.
    """
    (path,) = dataset.paths
    events = str(path)
    starts = time_starts(path, folder, repeats=repeats)
    saved = {num: [_saved(engine, num)] for num, engine in ((1, "torch"), (NUM_RANKS, "ZeRO 1"))}
    alone = Work(1, events, event_groups(), len(dataset), saved=saved[1], num_saves=repeats)
    together = Work(
        NUM_RANKS,
        events,
        two_rank_groups(),
        num_steps,
        saved=saved[NUM_RANKS],
        num_saves=repeats,
        summed_bytes=SUMMED_BYTES,
    )
    one, two = on_ranks(alone, folder), on_ranks(together, folder)
    both = [Work(num, events, scaling_groups(num), num_steps) for num in (1, NUM_RANKS)]
    scaling = [(on_ranks(both[0], folder), on_ranks(both[1], folder)) for _ in range(repeats)]
    gpu = None
    if torch.cuda.is_available():
        pack(folder / "raw.h5", folder / "large.h5", downsample=GPU_DOWNSAMPLE)
        gpu = on_ranks(Work(1, str(folder / "large.h5"), gpu_groups(), num_steps), folder, on_gpu=True)
    return Measured(one, two, scaling, starts, dataset.sites_E.tolist(), gpu)


def time_starts(events: Path, folder: Path, *, repeats: int) -> dict[str, list[float]]:
    """Engine -> seconds of its starts, in turn; the first of each fills caches and does not count."""
    folders = (folder / f"start_{number}" for number in count())
    found: dict[str, list[float]] = {"torch": [], "DeepSpeed ZeRO-1": []}
    for repeat in range(repeats + 1):
        for (name, seconds), engine in zip(found.items(), ("torch", "ZeRO 1"), strict=True):
            took = first_step_s(Case(name, train=ENGINES[engine]), events, next(folders), num_ranks=NUM_RANKS)
            if repeat:
                seconds.append(took)
    return found


def _saved(engine: str, num_ranks: int) -> Case:
    """One event a rank."""
    return Case("saved", DEFAULT_NETWORK, {**ENGINES[engine], "global_batch": num_ranks})
