"""Starts of a training as real processes, and what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from nuweave.config import Config, ModelConfig, dump

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PATIENCE_S = 120.0  # on a busy machine
SAVED = 85
CLOCKS = ("events_per_s", "data_wait_share", "memory_gb")  # what a clock or the system decides
CHECKPOINT_EVERY, NUM_EVENTS, GLOBAL_BATCH = 4, 30, 4


class Training:
    """A directory with the settings of a training, its starts, and what is written.

    Args:
        directory: gets config.yaml, run/, model/, batches.jsonl and said_N.txt of every start.
        model: what is trained.
        data: train_path and val_path.
    """

    def __init__(self, directory: Path, model: ModelConfig, data: Mapping[str, Path]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.run_dir, self._data = directory, directory / "run", data
        self._started: list[subprocess.Popen[bytes]] = []
        self.configure(model)

    def configure(self, model: ModelConfig) -> None:
        """Write the settings of the next start."""
        self._ranks = model.train.ranks
        (self.directory / "config.yaml").write_text(dump(Config(seed=5, models={"tiny": model})))

    def start(self, pause: str = "-", *, plain: bool = False) -> subprocess.Popen[bytes]:
        """Start mpiexec; `plain` is `nuweave train` itself, which notes no events and pauses nowhere."""
        program: list[object] = [BIN / "nuweave"]
        if not plain:
            program = [sys.executable, "-m", "tests.survival.program", self.directory, pause]
        options: dict[str, object] = {
            "config": self.directory / "config.yaml",
            "model": "tiny",
            "run-dir": self.run_dir,
        }
        options |= {"train": self._data["train_path"], "val": self._data["val_path"]}
        options |= {"model-dir": self.directory / "model"}
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        command: list[object] = [BIN / "mpiexec", "-n", self._ranks, *program, "train", *arguments]
        with (self.directory / f"said_{len(self._started)}.txt").open("wb") as said:
            process = subprocess.Popen(
                list(map(str, command)), cwd=ROOT, env=_environment(), stdout=said, stderr=said, start_new_session=True
            )
        self._started.append(process)
        return process

    def run(self) -> int:
        """Start, and wait for the end; its exit status."""
        return self.start().wait(PATIENCE_S)

    def said(self, start: int = -1) -> str:
        """All that a start wrote, the last one by default."""
        return (self.directory / f"said_{range(len(self._started))[start]}.txt").read_text()

    def paused(self, process: subprocess.Popen[bytes], num_ranks: int) -> list[int]:
        """Wait until so many ranks wait; their pids."""
        self.wait_for(process, lambda: len(self._marks()) == num_ranks)
        return [int(mark.name.rsplit("_", 1)[1]) for mark in self._marks()]

    def wait_for(self, process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
        """Until it holds; it is an error if the process ends before."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert process.poll() is None, f"ended with {process.returncode}:\n{self.said()}"
            assert time.monotonic() < until, self.said()
            time.sleep(0.02)

    def go_on(self) -> None:
        """Let the ranks that wait do their work."""
        for mark in self._marks():
            mark.unlink()

    def interrupt(self, ranks: str, place: str, step: int, number: signal.Signals) -> int:
        """Start, send a signal to some ranks at a place of a step, wait for the end; its exit status."""
        process = self.start(f"{ranks}:{place}:{step}")
        for pid in self.paused(process, len(ranks.split(","))):
            os.kill(pid, number)
        self.go_on()
        return process.wait(PATIENCE_S)

    def end(self) -> None:
        """Kill what lives of every start."""
        for process in self._started:
            if process.poll() is None:
                for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                    one.kill()
                process.wait()

    @property
    def checkpoints(self) -> list[str]:
        """Names of all that is in their directory, hidden ones too."""
        return sorted(path.name for path in (self.run_dir / "checkpoints").iterdir())

    @property
    def weights(self) -> bytes:
        """Of the finished model."""
        return (self.directory / "model" / "model.safetensors").read_bytes()

    @property
    def records(self) -> list[dict[str, Any]]:
        """metrics.jsonl, without what a clock decides."""
        lines = [json.loads(line) for line in (self.run_dir / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in CLOCKS} for line in lines]

    @property
    def global_batches(self) -> list[list[int]]:
        """Events of each step, of the last time that it was trained: rank r has number r, r + world, ... of them."""
        shares: dict[int, dict[int, list[int]]] = {}
        worlds: dict[int, int] = {}
        for line in map(json.loads, (self.directory / "batches.jsonl").read_text().splitlines()):
            worlds[line["step"]] = line["world"]
            shares.setdefault(line["step"], {})[line["rank"]] = line["events"]
        assert list(worlds) == list(range(len(worlds)))
        return [
            [event for row in zip(*(shares[step][rank] for rank in range(world)), strict=True) for event in row]
            for step, world in worlds.items()
        ]

    def _marks(self) -> list[Path]:
        """A file for each rank that waits."""
        return list(self.directory.glob("paused_*"))


def ranks_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Pids of the ranks that an mpiexec started, itself and its helper left out."""
    below = psutil.Process(process.pid).children(recursive=True)
    return [one.pid for one in below if any("nuweave" in part for part in one.cmdline()[:2])]


def _environment() -> dict[str, str]:
    """One thread a rank; this checkout before an installed one."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}", "TORCH_CPP_LOG_LEVEL": "ERROR"}
