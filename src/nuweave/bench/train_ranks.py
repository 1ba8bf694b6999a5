"""What `bench train` starts on every rank: trainings whose steps are timed in turn, checkpoints, sums over ranks.

mpiexec -n R python -m nuweave.bench.train_ranks WORK.json FOUND.json
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from nuweave.bench.train_cases import Case, Groups
from nuweave.bench.train_ways import Step, time_saves, time_steps, time_sums
from nuweave.config.train import TrainConfig
from nuweave.loader import EventDataset
from nuweave.ranks import find_place
from nuweave.train.distributed import Ranks, all_ranks
from nuweave.train.failure import leave_together
from nuweave.train.journal import say


@dataclass(frozen=True)
class Work:
    """What the ranks shall do.

    Attributes:
        num_ranks: ranks.
        events: packed file.
        groups: trainings to time.
        num_steps: that count, of each case.
        saved: trainings whose checkpoints are timed, after a step.
        num_saves: checkpoints of each.
        summed_bytes: sizes of tensors whose sums over ranks are timed, `num_steps` times.
    """

    num_ranks: int
    events: str
    groups: Groups
    num_steps: int
    saved: Sequence[Case] = ()
    num_saves: int = 0
    summed_bytes: Sequence[int] = ()


@dataclass(frozen=True)
class Found:
    """What rank 0 saw of it.

    Attributes:
        steps: group -> case -> its steps.
        peak_bytes: group -> most that tensors took on a GPU; 0 without one.
        saves: case -> pauses of training, until all ranks have written [s].
        sums: size -> times of a sum [s].
    """

    steps: Mapping[str, Mapping[str, Sequence[Step]]]
    peak_bytes: Mapping[str, int]
    saves: Mapping[str, Sequence[float]]
    sums: Mapping[str, Sequence[float]]


def write_work(work: Work, path: Path) -> None:
    """For the ranks to read."""
    path.write_text(json.dumps(asdict(work)))


def read_work(path: Path) -> Work:
    """As it was written."""
    found = json.loads(path.read_text())
    groups = {name: [Case(**case) for case in cases] for name, cases in found.pop("groups").items()}
    return Work(groups=groups, saved=[Case(**case) for case in found.pop("saved")], **found)


def do_work(work: Work, ranks: Ranks) -> Found:
    """Every rank calls it."""
    dataset = EventDataset(Path(work.events))
    steps, peaks = {}, {}
    for name, cases in work.groups.items():
        with _peak_of(ranks.device) as peak:
            steps[name] = time_steps(cases, dataset, ranks, num_steps=work.num_steps)
        peaks[name] = peak["bytes"]
    saves = {case.name: time_saves(case, dataset, ranks, num_saves=work.num_saves) for case in work.saved}
    sums = {str(size): time_sums(size, ranks, num_sums=work.num_steps) for size in work.summed_bytes}
    return Found(steps, peaks, saves, sums)


@contextmanager
def _peak_of(device: torch.device) -> Iterator[dict[str, int]]:
    """What tensors take on a GPU inside, at most; known at the end."""
    peak = {"bytes": 0}
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    yield peak
    if device.type == "cuda":
        peak["bytes"] = torch.cuda.max_memory_allocated(device)


def _pin(rank: int) -> None:
    """Hold this process to a processor of its own: alone it gets no more of the machine than beside others."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})


def main(work_file: Path, found_file: Path) -> None:
    """Do what a file says; rank 0 writes what was found."""
    work = read_work(work_file)
    if not torch.cuda.is_available():
        _pin(find_place(os.environ).local_rank)
    with all_ranks(TrainConfig(ranks=work.num_ranks), say) as ranks:
        found = do_work(work, ranks)
        if ranks.is_first:
            found_file.write_text(json.dumps(asdict(found)))
    leave_together(0)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
