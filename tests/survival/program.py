"""`nuweave train` that notes the events of every step, and waits at a chosen place for what the test does to it.

python -m tests.survival.program DIRECTORY PAUSE ARGUMENTS...

DIRECTORY   gets batches.jsonl; paused_RANK_PID while a rank waits there, until the test removes it
PAUSE       RANKS:PLACE:STEP, as 0,1:forward:7, or - for none. Places of the step after STEP others:
            forward (its batch is there), backward (gradients are there, weights have not moved);
            write (of the checkpoint after STEP steps: half of its first file is written; a rank must be killed there)
ARGUMENTS   of nuweave
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nuweave import cli
from nuweave.loader import SparseBatch
from nuweave.train import run as run_module
from nuweave.train.loop import StepDone, train_steps

POLL_S, LONGEST_S = 0.01, 300.0  # a test that was itself killed leaves nobody waiting


@dataclass(frozen=True)
class Pause:
    """Where some ranks wait."""

    directory: Path
    ranks: frozenset[int] = frozenset()
    place: str = ""
    step: int = -1

    @classmethod
    def parse(cls, directory: Path, text: str) -> Pause:
        """From RANKS:PLACE:STEP or -."""
        if text == "-":
            return cls(directory)
        ranks, place, step = text.split(":")
        return cls(directory, frozenset(map(int, ranks.split(","))), place, int(step))

    def __call__(self, place: str, step: int) -> None:
        """Wait here, if this is the rank, the place and the step."""
        rank = int(os.environ["RANK"])
        if (place, step) == (self.place, self.step) and rank in self.ranks:
            mark = self.directory / f"paused_{rank}_{os.getpid()}"
            mark.touch()
            until = time.monotonic() + LONGEST_S
            while mark.exists():
                if time.monotonic() > until:
                    raise TimeoutError(f"nobody removed {mark}")
                time.sleep(POLL_S)


def noted(batches: Iterator[SparseBatch], first_step: int, pause: Pause) -> Iterator[SparseBatch]:
    """The same batches; each is written down in one write, so that no kill cuts it."""
    with (pause.directory / "batches.jsonl").open("a", buffering=1) as file:
        for step, batch in enumerate(batches, start=first_step):
            rank, world = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE"))
            events = [event for _, _, event in batch.event_ids_B3.tolist()]
            file.write(json.dumps({"step": step, "rank": rank, "world": world, "events": events}) + "\n")
            pause("forward", step)
            yield batch


def disturb_steps(pause: Pause) -> None:
    """Put notes and pauses into the training loop."""

    def steps(*, batches: Iterator[SparseBatch], rate: Callable[[int], float], **rest: Any) -> Iterator[StepDone]:
        def paused_rate(step: int) -> float:
            pause("backward", step)
            return rate(step)

        return train_steps(batches=noted(batches, rest["steps"].start, pause), rate=paused_rate, **rest)

    setattr(run_module, "train_steps", steps)  # noqa: B010  (the module does not offer it)


def disturb_writes(pause: Pause) -> None:
    """Let a rank stand still when half of its first file of a checkpoint is on the disk."""
    save = torch.save

    def half_saved(state: object, file: Any, **options: Any) -> None:
        save(state, file, **options)  # torch itself saves to memory, to send an object to other ranks
        path = Path(getattr(file, "name", ""))
        if pause.place == "write" and path.parent.name == f".step_{pause.step:06d}.part":
            file.truncate(file.tell() // 2)
            file.flush()
            pause("write", pause.step)

    setattr(torch, "save", half_saved)  # noqa: B010  (its type has more arguments)


if __name__ == "__main__":
    here = Pause.parse(Path(sys.argv[1]), sys.argv[2])
    disturb_steps(here)
    disturb_writes(here)
    sys.argv = ["nuweave", *sys.argv[3:]]
    cli.main()
