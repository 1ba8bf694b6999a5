"""How far a training is, from the files of its run directory alone."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from nuweave.config import UserError

State = Literal["never started", "training", "unknown", "stopped", "finished", "failed"]
MARKS = ("owner.json", "fingerprint.json", "settings.json", "state.json", "metrics.jsonl", "checkpoints")
MOVED_ASIDE = re.compile(r"\.old\d+$")
QUIET_S = 600.0  # a training that wrote nothing for so long, and for as long as ten records take, may hang
QUIET_RECORDS = 10


class StatusError(UserError):
    """A path that holds no training."""


@dataclass(frozen=True)
class CheckpointStatus:
    """A checkpoint as it lies there; `fault` says why it cannot be used, "" if nothing speaks against it."""

    name: str
    step: int | None
    size_mb: float
    age_s: float
    is_latest: bool
    is_best: bool
    fault: str


@dataclass(frozen=True)
class TrainingStatus:
    """A training as its run directory shows it. None, or empty, where nothing is known.

    Attributes:
        run_dir: its directory.
        name: of the model.
        state: training now, unknown (it says so, on a file system without locks), stopped (it can go on), finished ...
        message: of a training that failed.
        owner: host, pid, job and since of the process that trains, or last did.
        step: optimiser steps done; of these `resumes_at` are in the newest checkpoint.
        max_steps: of the settings.
        epoch: of the events seen.
        figures: the last training record: loss, events_per_s, data_wait_share, memory_gb ...
        validation: the last one, with its step.
        best: metric, value and step of the best validation.
        seconds_left: of a training, at its last speed; without validations.
        checkpoints: newest first.
        num_left_out: damaged events that were left out.
        warnings: a line each: files that cannot be read, a training that went quiet.
    """

    run_dir: str
    name: str
    state: State
    message: str
    owner: dict[str, Any]
    step: int
    resumes_at: int
    max_steps: int | None
    epoch: float | None
    figures: dict[str, float]
    validation: dict[str, float]
    best: dict[str, Any]
    seconds_left: float | None
    checkpoints: list[CheckpointStatus]
    num_left_out: int
    warnings: list[str]


def find_run_dirs(path: Path) -> list[Path]:
    """The run directories that a user means: `path` itself, or those in it or in its runs/.

    Raises:
        StatusError: there are none.
    """
    if not path.is_dir():
        raise StatusError(f"{path}: no such directory; give the directory of a run, or results/NAME")
    if _is_run_dir(path):
        return [path]
    for directory in (path / "runs", path):
        found = sorted(one for one in directory.glob("*/") if _is_run_dir(one) and not MOVED_ASIDE.search(one.name))
        if found:
            return found
    raise StatusError(f"{path}: holds no training; give the directory of a run, or results/NAME once a training began")


def read_status(run_dir: Path, *, now: datetime) -> TrainingStatus:
    """The state of a training; what cannot be read is a warning, and the rest is still there.

    Args:
        run_dir: a directory of `find_run_dirs`.
        now: with a time zone; ages are measured from it.
    """
    files = _Files(run_dir)
    settings, owner, said = (files.mapping(f"{name}.json") for name in ("settings", "owner", "state"))
    records = files.records("metrics.jsonl")
    train, val = ([record for record in records if record["part"] == part] for part in ("train", "val"))
    checkpoints, best = _checkpoints(files, now)
    resumes_at = max((one.step or 0 for one in checkpoints), default=0)
    step = max([resumes_at, *(record["step"] for record in records)])
    state = _state(files.lock("owner.json"), str(said.get("state", "")), has_begun=bool(records or checkpoints))
    figures = {name: value for name, value in train[-1].items() if name != "part"} if train else {}
    if state != "never started" and not settings and "settings.json" not in files.damaged:
        files.warnings.append("settings.json: no such file; steps in all and epochs are not known")
    max_steps, batch, events = (settings.get(key) for key in ("max_steps", "global_batch", "events_per_epoch"))
    is_going, speed = state in ("training", "unknown"), figures.get("events_per_s")
    if is_going:
        files.warnings += _quiet(run_dir, settings, figures, now)
    return TrainingStatus(
        run_dir=str(run_dir),
        name=str(settings.get("name", run_dir.name)),
        state=state,
        message=str(said.get("message", "")),
        owner=owner,
        step=step,
        resumes_at=resumes_at,
        max_steps=max_steps,
        epoch=step * batch / events if batch and events else None,
        figures=figures,
        validation={name: value for name, value in val[-1].items() if name != "part"} if val else {},
        best=best,
        seconds_left=(max_steps - step) * batch / speed if is_going and max_steps and batch and speed else None,
        checkpoints=checkpoints,
        num_left_out=len(files.items("quarantine.json")),
        warnings=files.warnings,
    )


def _is_run_dir(path: Path) -> bool:
    return any((path / name).exists() for name in MARKS)


def _state(is_locked: bool | None, said: str, *, has_begun: bool) -> State:
    """From the lock, then from what the training itself said: one that was killed still says that it runs."""
    if is_locked:
        return "training"
    if is_locked is None and said == "running":
        return "unknown"
    if said in ("finished", "failed"):
        return "finished" if said == "finished" else "failed"
    return "stopped" if said or has_begun else "never started"


def _quiet(run_dir: Path, settings: dict[str, Any], figures: dict[str, float], now: datetime) -> list[str]:
    """A line if the newest file is older than a training at this speed would let it become."""
    silence_s = now.timestamp() - max((file.st_mtime for file in _files_below(run_dir)), default=now.timestamp())
    events_a_record = settings.get("train", {}).get("log_every", 0) * settings.get("global_batch", 0)
    record_s = events_a_record / figures["events_per_s"] if figures.get("events_per_s") else 0.0
    if silence_s <= max(QUIET_S, QUIET_RECORDS * record_s):
        return []
    return [f"nothing was written for {silence_s / 60:.0f} minutes: it may hang; look at its log and its processes"]


def _checkpoints(files: _Files, now: datetime) -> tuple[list[CheckpointStatus], dict[str, Any]]:
    """All checkpoints, newest first, and the best validation that the newest knows."""
    directory = files.run_dir / "checkpoints"
    names = sorted((path.name for path in directory.glob("step_*")), reverse=True)
    latest_file = directory / "latest"
    latest = latest_file.read_text().strip() if latest_file.is_file() else ""
    if latest and latest not in names:
        files.warnings.append(f"checkpoints/latest: names {latest}, which is not there; the newest whole one is used")
    completes = [_complete(directory / name) for name in names]
    best: dict[str, Any] = next((one["best"] for one in completes if one.get("best")), {})
    found = []
    for name, progress in zip(names, completes, strict=True):
        parts = list(_files_below(directory / name))
        found.append(
            CheckpointStatus(
                name=name,
                step=progress.get("step"),
                size_mb=sum(part.st_size for part in parts) / 1e6,
                age_s=now.timestamp() - max((part.st_mtime for part in parts), default=now.timestamp()),
                is_latest=name == latest,
                is_best=bool(best) and progress.get("step") == best["step"],
                fault="" if progress else "complete.json cannot be read: it will not be used",
            )
        )
    return found, best


def _complete(checkpoint: Path) -> dict[str, Any]:
    """Progress of a checkpoint; empty if its list is missing or damaged."""
    try:
        progress = json.loads((checkpoint / "complete.json").read_text())["progress"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return progress if isinstance(progress, dict) else {}


def _files_below(directory: Path) -> Iterator[os.stat_result]:
    """Size and time of every file; one that a running training removes meanwhile is left out."""
    for parent, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):
                yield os.stat(os.path.join(parent, name))


@dataclass
class _Files:
    """The files of a run directory; what cannot be read becomes a warning."""

    run_dir: Path
    warnings: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)

    def mapping(self, name: str) -> dict[str, Any]:
        """An object; empty where there is no such file."""
        content = self._parsed(name)
        return content if isinstance(content, dict) else {}

    def items(self, name: str) -> list[Any]:
        """A list; empty where there is no such file."""
        content = self._parsed(name)
        return content if isinstance(content, list) else []

    def records(self, name: str) -> list[dict[str, Any]]:
        """The lines of a history, without any that are cut off or damaged."""
        path = self.run_dir / name
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        records = []
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                records.append({**record, "step": int(record["step"]), "part": str(record["part"])})
            except (ValueError, KeyError, TypeError):
                self.warnings.append(f"{name}: line {number} is cut off or damaged, and left out")
        return records

    def lock(self, name: str) -> bool | None:
        """Whether another process holds the lock of a file; None where the file system cannot say."""
        try:
            with (self.run_dir / name).open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, FileNotFoundError) as error:
            return isinstance(error, BlockingIOError)
        except OSError:
            return None
        return False

    def _parsed(self, name: str) -> object:
        try:
            content: object = json.loads((self.run_dir / name).read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.damaged.add(name)
            self.warnings.append(f"{name}: cannot be read ({error}); what it says is not shown")
            return None
        return content
