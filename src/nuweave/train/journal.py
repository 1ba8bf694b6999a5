"""What rank 0 writes down while training: metrics.jsonl, TensorBoard, and a bar or lines on the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from nuweave.config.train import TrainConfig
from nuweave.train.loop import StepDone

CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)
MOST_SHOWN = 7  # figures of a validation on the terminal; metrics.jsonl has them all


def say(line: str) -> None:
    """A line for the user, on standard error."""
    CONSOLE.print(line, markup=False)


def truncate_history(path: Path, step: int) -> None:
    """Drop the records of steps after `step`, and a line that was cut off: a resumed run writes them again."""
    if path.is_file():
        whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(line for line in whole if json.loads(line)["step"] <= step))


def validation_at(path: Path, step: int) -> dict[str, float]:
    """The metrics of the validation after a step in a metrics.jsonl."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    found = [record for record in records if (record["part"], record["step"]) == ("val", step)][-1]
    return {name: value for name, value in found.items() if name not in ("step", "part")}


class Journal:
    """The records of one start of a run. A context manager, for rank 0.

    Args:
        run_dir: gets metrics.jsonl and tensorboard/.
        name: of the model, for the terminal.
        first_step: steps done before; records of later steps by an earlier start are dropped.
        settings: steps, events a step, steps between records.
    """

    def __init__(self, run_dir: Path, *, name: str, first_step: int, settings: TrainConfig) -> None:
        self._name, self._settings = name, settings
        self._history = run_dir / "metrics.jsonl"
        truncate_history(self._history, first_step)
        self._tensorboard = SummaryWriter(str(run_dir / "tensorboard"), purge_step=first_step + 1)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=CONSOLE, disable=not CONSOLE.is_terminal)
        self._row = self._bar.add_task(name, total=settings.max_steps, completed=first_step)
        self._since_record: list[StepDone] = []

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        self._tensorboard.close()

    def step(self, done: StepDone) -> None:
        """Note a step; every `log_every` steps, and at the end, write the mean of those since the record before."""
        self._bar.update(self._row, completed=done.step)
        self._since_record.append(done)
        if done.step % self._settings.log_every and done.step != self._settings.max_steps:
            return
        num_steps = len(self._since_record)
        seconds = sum(one.seconds for one in self._since_record)
        record = {
            "loss": sum(one.loss for one in self._since_record) / num_steps,
            "learning_rate": done.learning_rate,
            "events_per_s": num_steps * self._settings.global_batch / seconds,
            "data_wait_share": sum(one.wait_seconds for one in self._since_record) / seconds,
        }
        self._since_record = []
        self._write(done.step, "train", record)
        line = f"loss {record['loss']:.4g}, {record['events_per_s']:.3g} events/s"
        if CONSOLE.is_terminal:
            self._bar.update(self._row, description=f"{self._name}: {line}")
        else:
            left = (self._settings.max_steps - done.step) * seconds / num_steps
            say(
                f"{self._name}: step {done.step}/{self._settings.max_steps}, {line}, "
                f"{record['data_wait_share']:.0%} of the time waiting for data, {left:.0f} s left"
            )

    def validation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of a validation."""
        self._write(step, "val", metrics)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in islice(metrics.items(), MOST_SHOWN))
        say(f"{self._name}: step {step}/{self._settings.max_steps}, validation: {shown}")

    def _write(self, step: int, part: str, record: Mapping[str, float]) -> None:
        with self._history.open("a") as file:
            file.write(json.dumps({"step": step, "part": part, **record}) + "\n")
        for name, value in record.items():
            self._tensorboard.add_scalar(f"{part}/{name}", value, step)
