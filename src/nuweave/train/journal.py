"""What rank 0 writes down while training: metrics.jsonl, its sinks, and a bar or lines on the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Self

import psutil
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from nuweave.config import ModelConfig
from nuweave.store import write_aside
from nuweave.train.errors import TrainError
from nuweave.train.loop import StepDone
from nuweave.train.sinks import open_sinks

CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)
MOST_SHOWN = 7  # figures of a validation on the terminal; metrics.jsonl has them all
GB = 1e9


def say(line: str) -> None:
    """A line for the user, on standard error, in one write: lines of several processes never mix."""
    CONSOLE.print(line, markup=False)


def truncate_history(path: Path, step: int) -> None:
    """Drop the records of steps after `step`, and a line that was cut off: a resumed run writes them again."""
    if path.is_file():
        whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        with write_aside(path) as part:
            part.write_text("".join(line for line in whole if json.loads(line)["step"] <= step))


def validations(path: Path) -> dict[int, dict[str, float]]:
    """The metrics of every validation in a metrics.jsonl, by step; none where there is no such file."""
    lines = path.read_text().splitlines() if path.is_file() else []
    records = [json.loads(line) for line in lines]
    return {
        record["step"]: {name: value for name, value in record.items() if name not in ("step", "part")}
        for record in records
        if record["part"] == "val"
    }


def validation_at(path: Path, step: int) -> dict[str, float]:
    """The metrics of the validation after a step in a metrics.jsonl."""
    return validations(path)[step]


def mean_record(steps: Sequence[StepDone], *, global_batch: int, events_per_epoch: int) -> dict[str, float]:
    """The figures of a few steps: means of loss and gradient norm, the last learning rate, speed and waiting.

    A norm that is not finite (a step that fp16 skips) is left out.
    """
    seconds = sum(one.seconds for one in steps)
    norms = [one.gradient_norm for one in steps if math.isfinite(one.gradient_norm)]
    return {
        "loss": sum(one.loss for one in steps) / len(steps),
        "learning_rate": steps[-1].learning_rate,
        **({"gradient_norm": sum(norms) / len(norms)} if norms else {}),
        "epoch": steps[-1].step * global_batch / events_per_epoch,
        "events_per_s": len(steps) * global_batch / seconds,
        "data_wait_share": sum(one.wait_seconds for one in steps) / seconds,
    }


def memory_in_use(device: torch.device) -> dict[str, float]:
    """Resident memory of this process, and the most that it ever had on its GPU [GB]."""
    used = {"memory_gb": psutil.Process().memory_info().rss / GB}
    if device.type != "cpu":
        used["device_memory_gb"] = torch.get_device_module(device).max_memory_allocated(device) / GB
    return used


class Journal:
    """The records of one start of a run. A context manager, for rank 0.

    Args:
        run_dir: gets metrics.jsonl and tensorboard/.
        name: of the model, for the terminal.
        model: its settings: steps, events a step, steps between records, where MLflow writes.
        first_step: steps done before; records of later steps by an earlier start are dropped.
        events_per_epoch: events that make an epoch.
        primary: metric of the validation that the terminal shows; larger is better.
        device: whose memory is written down.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        name: str,
        model: ModelConfig,
        first_step: int,
        events_per_epoch: int,
        primary: str,
        device: torch.device,
    ) -> None:
        self._name, self._settings, self._device = name, model.train, device
        self._events_per_epoch, self._primary = events_per_epoch, primary
        self._history = run_dir / "metrics.jsonl"
        truncate_history(self._history, first_step)
        found = validations(self._history).values()
        self._primary_values = [metrics[primary] for metrics in found if primary in metrics]
        self._sinks = open_sinks(run_dir, name=name, model=model, first_step=first_step)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        )
        self._bar = Progress(*columns, console=CONSOLE, expand=True, disable=not CONSOLE.is_terminal)
        self._row = self._bar.add_task(name, total=self._settings.max_steps, completed=first_step, figures="")
        self._since_record: list[StepDone] = []

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        for sink in self._sinks:
            sink.close()

    def step(self, done: StepDone) -> None:
        """Note a step; every `log_every` steps, and at the end, write the figures of those since the record before."""
        self._bar.update(self._row, completed=done.step)
        self._since_record.append(done)
        settings = self._settings
        if done.step % settings.log_every and done.step != settings.max_steps:
            return
        steps, self._since_record = self._since_record, []
        record = mean_record(steps, global_batch=settings.global_batch, events_per_epoch=self._events_per_epoch)
        record |= memory_in_use(self._device)
        self._write(done.step, "train", record)
        seconds_left = (settings.max_steps - done.step) * sum(one.seconds for one in steps) / len(steps)
        figures = self._figures(record, seconds_left)
        if CONSOLE.is_terminal:
            self._bar.update(self._row, figures=figures)
        else:
            say(f"{self._name}: step {done.step}/{settings.max_steps}, {figures}")

    def validation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of a validation."""
        if self._primary in metrics:
            self._primary_values.append(metrics[self._primary])
        self._write(step, "val", metrics)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in islice(metrics.items(), MOST_SHOWN))
        say(f"{self._name}: step {step}/{self._settings.max_steps}, validation: {shown}")

    def _figures(self, record: Mapping[str, float], seconds_left: float) -> str:
        """The figures of a record as the terminal shows them, what matters most first."""
        parts = [f"epoch {record['epoch']:.2f}", f"loss {record['loss']:.4g}"]
        if self._primary_values:
            last, best = self._primary_values[-1], max(self._primary_values)
            parts.append(f"validation {self._primary} {last:.4g} (best {best:.4g})")
        parts += [
            f"{timedelta(seconds=round(seconds_left))} left",
            f"{record['events_per_s']:.3g} events/s",
            f"{record['data_wait_share']:.0%} waiting for data",
            f"{record['memory_gb']:.2f} GB",
        ]
        if "device_memory_gb" in record:
            parts.append(f"{record['device_memory_gb']:.2f} GB of the GPU")
        return ", ".join(parts)

    def _write(self, step: int, part: str, record: Mapping[str, float]) -> None:
        try:
            with self._history.open("a") as file:
                file.write(json.dumps({"step": step, "part": part, **record}) + "\n")
        except OSError as error:
            raise TrainError(
                f"{self._history}: cannot be written ({error.strerror}); free space and start again"
            ) from None
        for sink in self._sinks:
            sink.write(step, part, record)
