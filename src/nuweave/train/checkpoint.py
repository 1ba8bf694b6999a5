"""Checkpoints that a killed run goes on from: whole or absent, verified before use, never silently ignored.

<run_dir>/fingerprint.json         what is trained; another training never goes on from here
<run_dir>/checkpoints/latest       name of the newest checkpoint
<run_dir>/checkpoints/step_000100  weights, optimiser, what each rank has of its own, and complete.json with the hashes
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nuweave.config import ModelConfig
from nuweave.store import ShardReader, write_aside
from nuweave.train.distributed import Ranks
from nuweave.train.engine import Engine
from nuweave.train.errors import TrainError

NUM_KEPT = 2
LATEST, COMPLETE, FINGERPRINT = "latest", "complete.json", "fingerprint.json"
LEAVES_WEIGHTS_ALONE: dict[str, Any] = {
    **dict.fromkeys(("log_every", "validate_every", "max_validation_events", "checkpoint_every"), True),
    "loader": {"threads", "prefetch", "verify", "quarantine", "stage_dir"},
}


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        step: optimiser steps done.
        seconds: that they took, over all starts.
        loader: where the stream of batches stands; empty at the start.
    """

    step: int
    seconds: float
    loader: dict[str, Any] = field(default_factory=dict)


def fingerprint(model: ModelConfig, *, seed: int, train_path: Path) -> str:
    """SHA-256 of all that decides the weights: settings, seed, and the events and size of the training file."""
    settings = model.model_dump(mode="json", exclude={"overfit": True, "weights": True, "train": LEAVES_WEIGHTS_ALONE})
    digest = hashlib.sha256(json.dumps({"model": settings, "seed": seed}, sort_keys=True).encode())
    with ShardReader(train_path) as reader:
        digest.update(reader.event_ids.tobytes())
    digest.update(str(train_path.stat().st_size).encode())
    return digest.hexdigest()


def claim_run_dir(run_dir: Path, wanted: str, tell: Callable[[str], None]) -> None:
    """Make `run_dir` belong to this training; what another one left there is moved aside, never mixed in."""
    mark = run_dir / FINGERPRINT
    found = json.loads(mark.read_text())["sha256"] if mark.is_file() else None
    if found == wanted:
        return
    if run_dir.is_dir() and any(run_dir.iterdir()):
        number = 1
        while (aside := run_dir.with_name(f"{run_dir.name}.old{number}")).exists():
            number += 1
        run_dir.rename(aside)
        tell(f"{run_dir}: is of another training (settings, seed or data differ); moved to {aside}")
    with write_aside(mark) as part:
        part.write_text(json.dumps({"sha256": wanted}))


class Checkpoints:
    """The checkpoints of one run. Every rank makes one and calls every method.

    Args:
        directory: <run_dir>/checkpoints.
        engine: whose state is kept.
        ranks: this rank among all.
        tell: takes a line for the user.
    """

    def __init__(self, directory: Path, *, engine: Engine, ranks: Ranks, tell: Callable[[str], None]) -> None:
        self._directory, self._engine, self._ranks, self._tell = directory, engine, ranks, tell

    def save(self, progress: Progress) -> None:
        """Write aside, then rename; the two newest stay."""
        name = f"step_{progress.step:06d}"
        aside = self._directory / f".{name}.part"
        if self._ranks.is_first:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
        self._ranks.barrier()
        self._engine.save(aside)
        torch.save(_own_state(self._engine.network, self._ranks.device), aside / self._own_file())
        self._ranks.barrier()
        if self._ranks.is_first:
            complete = {"progress": asdict(progress), "files": _hashes(aside)}
            (aside / COMPLETE).write_text(json.dumps(complete, indent=1))
            shutil.rmtree(self._directory / name, ignore_errors=True)
            os.replace(aside, self._directory / name)
            with write_aside(self._directory / LATEST) as part:
                part.write_text(name)
            for old in self._names()[NUM_KEPT:]:
                shutil.rmtree(self._directory / old)
        self._ranks.barrier()

    def resume(self) -> Progress:
        """Load the newest checkpoint that is whole; step 0 where none was ever written.

        Raises:
            TrainError: there are checkpoints, and not one is whole.
        """
        name = self._ranks.broadcast(self._newest_whole() if self._ranks.is_first else None)
        if name is None:
            return Progress(step=0, seconds=0.0)
        if not name:
            raise TrainError(
                f"{self._directory}: no checkpoint is whole; move the directory away to start from the beginning"
            )
        directory = self._directory / name
        self._engine.load(directory)
        own = torch.load(directory / self._own_file(), map_location="cpu", weights_only=True)
        _set_own_state(own, self._engine.network, self._ranks.device)
        return Progress(**json.loads((directory / COMPLETE).read_text())["progress"])

    def _own_file(self) -> str:
        return f"rank_{self._ranks.rank:06d}.pt"

    def _newest_whole(self) -> str | None:
        """Name of a checkpoint; "" where all are damaged, None where there are none."""
        names = self._names()
        for name in names:
            fault = _fault(self._directory / name)
            if fault is None:
                return name
            self._tell(f"{self._directory / name}: {fault}; trying the checkpoint before it")
        return "" if names else None

    def _names(self) -> list[str]:
        """Finished checkpoints, the one that `latest` names first, then newest first."""
        names = sorted((path.name for path in self._directory.glob("step_*")), reverse=True)
        latest = self._directory / LATEST
        first = latest.read_text().strip() if latest.is_file() else ""
        return sorted(names, key=lambda name: name != first)


def _fault(directory: Path) -> str | None:
    """What is wrong with a checkpoint."""
    try:
        expected = json.loads((directory / COMPLETE).read_text())["files"]
    except (OSError, ValueError, KeyError):
        return f"{COMPLETE} cannot be read"
    found = _hashes(directory)
    wrong = sorted(name for name in expected if found.get(name) != expected[name])
    return f"{wrong[0]} is missing or damaged" if wrong else None


def _hashes(directory: Path) -> dict[str, str]:
    """SHA-256 of every file below a checkpoint but its own list."""
    hashes = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name != COMPLETE:
            with path.open("rb") as file:
                hashes[str(path.relative_to(directory))] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _own_state(network: nn.Module, device: torch.device) -> dict[str, dict[str, torch.Tensor]]:
    """Random numbers, and the running statistics of the rank's own batches."""
    random = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        random[device.type] = torch.get_device_module(device).get_rng_state(device)
    return {"random": random, "buffers": dict(network.named_buffers())}


def _set_own_state(state: dict[str, dict[str, torch.Tensor]], network: nn.Module, device: torch.device) -> None:
    torch.set_rng_state(state["random"]["cpu"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state["random"][device.type], device)
    for name, buffer in network.named_buffers():
        buffer.copy_(state["buffers"][name])
