"""Checkpoints that a killed run goes on from: whole or absent, verified before use, never silently ignored.

<run_dir>/checkpoints/latest       name of the newest checkpoint
<run_dir>/checkpoints/step_000100
    model.safetensors              weights, as rank 0 has them
    optimizer_000000.pt            state of the optimiser: one file, or one a rank under ZeRO
    rank_000000.pt                 what each rank has of its own: random numbers, running statistics
    complete.json                  progress, where all came from, and the hashes of the files
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from nuweave.store import write_aside
from nuweave.train.distributed import Ranks
from nuweave.train.engine import Engine
from nuweave.train.errors import TrainError
from nuweave.train.selection import Best

LATEST, COMPLETE, WEIGHTS = "latest", "complete.json", "model.safetensors"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        step: optimiser steps done.
        seconds: that they took, over all starts.
        loader: where the stream of batches stands; empty at the start.
        best: validation; None before the first.
    """

    step: int
    seconds: float
    loader: dict[str, Any] = field(default_factory=dict)
    best: Best | None = None


class Checkpoints:
    """The checkpoints of one run. Every rank makes one and calls every method.

    Args:
        directory: <run_dir>/checkpoints.
        engine: whose state is kept.
        ranks: this rank among all.
        origin: config, manifest, commit and seed, kept for the record; the seed draws anew for another number of ranks.
        num_kept: newest checkpoints that stay, beside those of their best validations.
        tell: takes a line for the user.
    """

    def __init__(
        self, directory: Path, *, engine: Engine, ranks: Ranks, origin: Mapping[str, Any], num_kept: int, tell: Tell
    ) -> None:
        self._directory, self._engine, self._ranks = directory, engine, ranks
        self._origin, self._num_kept, self._tell = origin, num_kept, tell

    def save(self, progress: Progress) -> None:
        """Write aside, then rename; drop those that are not kept.

        Raises:
            TrainError: a rank cannot write; the checkpoints before stay as they are.
        """
        self._ranks.alive(f"checkpoint of step {progress.step}")
        aside = self._directory / f".{_name(progress.step)}.part"
        if self._ranks.is_first:
            for left in self._directory.glob(".step_*.part"):  # by a start that was killed
                shutil.rmtree(left, ignore_errors=True)
        self._ranks.barrier()
        written = self._ranks.gather(self._write_own(aside))
        faults = [fault for _, fault in written if fault]
        if not faults:
            hashes = {name: digest for own, _ in written for name, digest in own.items()}
            faults = [fault for fault in self._ranks.gather(self._publish(aside, progress, hashes)) if fault]
        if faults:
            if self._ranks.is_first:
                shutil.rmtree(aside, ignore_errors=True)
            raise TrainError(
                f"{aside.parent / _name(progress.step)}: cannot be written ({faults[0]}); "
                "the checkpoint before it is whole: free space and start again"
            )

    def resume(self) -> Progress:
        """Load the newest checkpoint that is whole; step 0 where none was ever written.

        Raises:
            TrainError: there are checkpoints and not one is whole, or it is of another network.
        """
        name = self._ranks.broadcast(self._newest_whole() if self._ranks.is_first else None)
        if name is None:
            return Progress(step=0, seconds=0.0)
        if not name:
            raise TrainError(
                f"{self._directory}: no checkpoint is whole; move the directory away to start from the beginning"
            )
        directory = self._directory / name
        complete = json.loads((directory / COMPLETE).read_text())
        try:
            self._load_weights(directory)
            self._engine.restore(complete["num_shards"], lambda shard: _load(directory / _shard_file(shard)))
        except (RuntimeError, KeyError, ValueError) as error:
            commit = complete["origin"].get("commit", "unknown")
            raise TrainError(
                f"{directory}: does not fit this network ({str(error).splitlines()[0]}); go on with the program that "
                f"wrote it (commit {commit}), or move the directory away to start from the beginning"
            ) from None
        progress = {**complete["progress"], "best": _best(complete)}
        self._restore_own(directory, complete["num_ranks"], progress["step"])
        return Progress(**progress)

    def load_best(self, best: Best) -> None:
        """Put the weights of the best validation into the network."""
        self._load_weights(self._directory / _name(best.step))

    def _load_weights(self, directory: Path) -> None:
        """Put the weights of a checkpoint into the network, in place."""
        self._engine.network.load_state_dict(load_file(directory / WEIGHTS, device=str(self._ranks.device)))

    def _write_own(self, aside: Path) -> tuple[dict[str, str], str]:
        """Write what this rank has to; the hash of each file, and what went wrong."""
        network, rank = self._engine.network, self._ranks.rank
        hashes: dict[str, str] = {}
        try:
            aside.mkdir(parents=True, exist_ok=True)
            own = {"random": _random_state(self._ranks.device), "buffers": dict(network.named_buffers())}
            files: dict[str, Mapping[str, Any]] = {_rank_file(rank): own}
            if rank < self._engine.num_shards:
                files[_shard_file(rank)] = self._engine.state()
            for name, state in files.items():
                with (aside / name).open("wb") as file:  # given a path, torch would not say why it cannot write
                    torch.save(state, file)
                hashes[name] = _sha256(aside / name)
            if self._ranks.is_first:
                save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, aside / WEIGHTS)
                hashes[WEIGHTS] = _sha256(aside / WEIGHTS)
        except (OSError, RuntimeError, SafetensorError) as error:
            return hashes, _reason(error)
        return hashes, ""

    def _publish(self, aside: Path, progress: Progress, hashes: Mapping[str, str]) -> str:
        """Rank 0: from here on the checkpoint counts; what went wrong."""
        if not self._ranks.is_first:
            return ""
        complete = {
            "progress": asdict(progress),
            "num_ranks": self._ranks.world_size,
            "num_shards": self._engine.num_shards,
            "origin": self._origin,
            "files": hashes,
        }
        target = self._directory / _name(progress.step)
        try:
            (aside / COMPLETE).write_text(json.dumps(complete, indent=1))
            shutil.rmtree(target, ignore_errors=True)
            os.replace(aside, target)
            with write_aside(self._directory / LATEST) as part:
                part.write_text(target.name)
            self._drop_old()
        except OSError as error:
            return _reason(error)
        return ""

    def _drop_old(self) -> None:
        newest = self._names()[: self._num_kept]
        bests = [_best(json.loads((self._directory / name / COMPLETE).read_text())) for name in newest]
        kept = {*newest, *(_name(best.step) for best in bests if best is not None)}
        for path in self._directory.glob("step_*"):
            if path.name not in kept:
                shutil.rmtree(path)

    def _newest_whole(self) -> str | None:
        """Name of a checkpoint; "" where all are damaged, None where there are none. Damaged ones are put aside."""
        names, damaged = self._names(), list[Path]()
        for name in names:
            fault = _fault(self._directory / name)
            if fault is None:
                for path in damaged:
                    path.rename(path.with_name(f"damaged_{path.name}"))
                return name
            damaged.append(self._directory / name)
            self._tell(f"{damaged[-1]}: {fault}; trying the checkpoint before it")
        return "" if names else None

    def _names(self) -> list[str]:
        """Finished checkpoints, newest first."""
        return sorted((path.name for path in self._directory.glob("step_*")), key=_step, reverse=True)

    def _restore_own(self, directory: Path, num_ranks: int, step: int) -> None:
        """Random numbers and running statistics of this rank; with another number of ranks, new ones and the mean."""
        network, device = self._engine.network, self._ranks.device
        if num_ranks == self._ranks.world_size:
            own = _load(directory / _rank_file(self._ranks.rank))
            _set_random_state(own["random"], device)
            buffers = own["buffers"]
        else:
            torch.manual_seed(self._origin["seed"] + (step << 20) + self._ranks.rank)
            buffers = _mean([_load(directory / _rank_file(rank))["buffers"] for rank in range(num_ranks)])
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])


def _name(step: int) -> str:
    return f"step_{step:06d}"


def _step(name: str) -> int:
    return int(name.removeprefix("step_"))


def _shard_file(shard: int) -> str:
    return f"optimizer_{shard:06d}.pt"


def _rank_file(rank: int) -> str:
    return f"rank_{rank:06d}.pt"


def _load(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _best(complete: Mapping[str, Any]) -> Best | None:
    found = complete["progress"]["best"]
    return None if found is None else Best(**found)


def _reason(error: Exception) -> str:
    """In words of the system; torch may lay an error of its own over what the system said."""
    for one in (error, error.__context__):
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return str(error).splitlines()[0]


def _fault(directory: Path) -> str | None:
    """What is wrong with a checkpoint."""
    try:
        expected = json.loads((directory / COMPLETE).read_text())["files"]
    except (OSError, ValueError, KeyError):
        return f"{COMPLETE} cannot be read"
    for name in sorted(expected):
        path = directory / name
        if not path.is_file() or _sha256(path) != expected[name]:
            return f"{name} is missing or damaged"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _random_state(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state(device)
    return state


def _set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[device.type], device)


def _mean(buffers: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of the running statistics; counters are those of the first."""
    return {
        name: torch.stack([one[name] for one in buffers]).mean(dim=0) if first.is_floating_point() else first
        for name, first in buffers[0].items()
    }
