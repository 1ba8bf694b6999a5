"""What the tests of hangs and errors start on two ranks.

hang RANK sleep|stop     after two exchanges this rank sleeps for ever, or stops its process
error WHO user|taken|bug  all or one of them raise: a user's mistake, one with a status of its own, a bug
early WHO                the same before the ranks have met
leave STATUS             every rank leaves with it
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nuweave.config.train import TrainConfig
from nuweave.ranks import find_place
from nuweave.train import TrainError, errors_of_ranks
from nuweave.train.distributed import Ranks, all_ranks
from nuweave.train.errors import RunTakenError
from nuweave.train.journal import say

ROOT = Path(__file__).resolve().parents[2]
LAUNCHERS = {
    "mpich": [str(Path(sys.executable).with_name("mpiexec")), "-n", "2", sys.executable],
    "torchrun": [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"],
    "openmpi": ["mpiexec.openmpi", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable],
}
SETTINGS = TrainConfig.model_validate({"ranks": 2, "global_batch": 2, "limits": {"hang_timeout_s": 3}})


def start(*arguments: str, launcher: str = "mpich") -> subprocess.CompletedProcess[str]:
    """Run this program on two ranks; a minute must do."""
    command = [*LAUNCHERS[launcher], "-m", "tests.train.watch_program", *arguments]
    environment = {**os.environ, "TORCH_CPP_LOG_LEVEL": "ERROR"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines that are ours, but for the start-up report."""
    return [line for line in done.stderr.splitlines() if line.startswith("nuweave: ")]


def work(ranks: Ranks, disturb: Callable[[], None]) -> None:
    """Five steps; the third is disturbed."""
    for step in range(1, 6):
        ranks.alive(f"step {step}: forward")
        if step == 3:
            time.sleep(1)  # the watch tells of this step
            disturb()
        ranks.alive(f"step {step}: exchange")
        assert ranks.gather(step) == [step, step]


def hang(how: str) -> None:
    """Never come back."""
    if how == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        time.sleep(600)


def fail(how: str) -> None:
    """A mistake of the user, or one of ours."""
    if how == "user":
        raise TrainError("events.h5: event 7 is damaged; write the file again")
    if how == "taken":
        raise RunTakenError("run: another process trains here")
    raise KeyError("no such thing")


def main(command: str, who: str, how: str) -> None:
    """Run one of the commands."""
    rank = find_place(os.environ).rank
    is_meant = who in ("all", str(rank))
    with errors_of_ranks():
        if command == "early" and is_meant:
            fail(how)
        with all_ranks(SETTINGS, say) as ranks:
            disturb = {"hang": hang, "error": fail}.get(command, lambda _how: None)
            work(ranks, lambda: disturb(how) if is_meant else None)


if __name__ == "__main__":
    main(*sys.argv[1:4])
    sys.exit(int(sys.argv[2]) if sys.argv[1] == "leave" else 0)
