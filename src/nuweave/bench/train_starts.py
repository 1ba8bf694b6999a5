"""The processes that `bench train` starts: ranks that measure, and `nuweave train` as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from nuweave.bench.train_cases import Case, model_of
from nuweave.bench.train_ranks import Found, Work, write_work
from nuweave.config import UserError
from nuweave.config.settings import Config, dump

BESIDE = Path(sys.executable).parent  # where mpiexec and nuweave are
POLL_S = 0.01
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
SHORT = {"max_steps": 1, "log_every": 1, "max_validation_events": 2}


def on_ranks(work: Work, folder: Path, *, on_gpu: bool = False) -> Found:
    """What the ranks found, each with one thread; on the CPU, whatever else there is, or on a GPU.

    Raises:
        UserError: they ended with an error.
    """
    work_file, found_file = folder / "work.json", folder / "found.json"
    write_work(work, work_file)
    _finish(
        _start(
            work.num_ranks,
            *(sys.executable, "-m", "nuweave.bench.train_ranks", work_file, found_file),
            environment={"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"} | ({} if on_gpu else NO_GPU),
        )
    )
    return Found(**json.loads(found_file.read_text()))


def first_step_s(case: Case, events: Path, folder: Path, *, num_ranks: int) -> float:
    """Seconds from the start of mpiexec, on the CPU, until the figures of the first step are written.

    Raises:
        UserError: the training ended with an error.
    """
    folder.mkdir()
    config, run_dir = folder / "config.yaml", folder / "run"
    short = Case(case.name, case.network, {**case.train, **SHORT})
    config.write_text(dump(Config(models={case.network: model_of(short, num_ranks=num_ranks)})))
    files = ("--train", events, "--val", events, "--model-dir", folder / "model", "--run-dir", run_dir)
    start = time.perf_counter()
    process = _start(
        num_ranks, BESIDE / "nuweave", "train", "--config", config, "--model", case.network, *files, environment=NO_GPU
    )
    written = run_dir / "metrics.jsonl"
    while process.poll() is None and not (written.is_file() and written.stat().st_size):
        time.sleep(POLL_S)
    seconds = time.perf_counter() - start
    _finish(process)
    return seconds


def _start(num_ranks: int, *command: object, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command under mpiexec."""
    return subprocess.Popen(
        [BESIDE / "mpiexec", "-n", str(num_ranks), *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def _finish(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a process."""
    _, errors = process.communicate()
    if process.returncode:
        last = errors.strip().splitlines()[-1:] or ["it said nothing"]
        raise UserError(
            f"bench train: ranks ended with status {process.returncode} ({last[0]}); mend that and start again"
        )
