"""The directory of a run: whose it is, who trains in it now, and how far that came.

<run_dir>/owner.json         host, process and job that train in it; locked as long as they do
<run_dir>/fingerprint.json   what is trained; another training never goes on from here
<run_dir>/settings.json      of this training, for those who look at it
<run_dir>/state.json         running, stopped, finished or failed
<run_dir>/checkpoints, metrics.jsonl, tensorboard ...
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset
from nuweave.store import write_aside
from nuweave.train.errors import RunTakenError, TrainError

OWNER, FINGERPRINT, SETTINGS, STATE = "owner.json", "fingerprint.json", "settings.json", "state.json"
NUM_TRIES, BETWEEN_TRIES_S = 4, 0.2
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
LEAVES_WEIGHTS_ALONE: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("ranks", "ranks_per_device", "accumulate", "zero_stage", "recompute"),
            *("log_every", "validate_every", "max_validation_events", "selection"),
            *("checkpoint_every", "keep_checkpoints", "limits", "profile_steps", "mlflow_dir"),
        ),
        True,
    ),
    "loader": {"threads", "prefetch", "verify", "quarantine", "stage_dir"},
}
Tell = Callable[[str], None]
State = Literal["running", "stopped", "finished", "failed"]


def fingerprint(model: ModelConfig, *, seed: int, dataset: EventDataset) -> str:
    """SHA-256 of all that decides the weights but for rounding: settings, seed, and the events to train on.

    Ranks and the parts that they cut their events into are free: they share the same global batches. So are stages 1
    and 2 of ZeRO: they cut the optimiser alike.
    """
    settings = model.model_dump(mode="json", exclude={"overfit": True, "weights": True, "train": LEAVES_WEIGHTS_ALONE})
    cuts_optimizer = model.train.engine == "deepspeed" and model.train.zero_stage > 0
    what = {"model": settings, "cuts_optimizer": cuts_optimizer, "seed": seed, "manifest": dataset.manifest}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


@contextmanager
def owned(run_dir: Path, tell: Tell, environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """While inside, no other process trains in this directory.

    Raises:
        RunTakenError: one does.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        file = (run_dir / OWNER).open("a+")
    except OSError as error:
        raise TrainError(f"{run_dir}: cannot be written ({error.strerror}); choose another place") from None
    with file:
        try:
            _lock(file)
        except BlockingIOError:
            file.seek(0)
            raise RunTakenError(f"{run_dir}: {_who(file.read())} trains here; this start leaves") from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            tell(f"{run_dir}: this file system has no locks; make sure that no second job trains here")
        file.truncate(0)
        owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "job": environment.get("SLURM_JOB_ID") or environment.get("PBS_JOBID"),
            "since": _now(),
        }
        file.write(json.dumps(owner))
        file.flush()
        yield


def claim(run_dir: Path, wanted: str, tell: Tell) -> None:
    """Make an owned directory belong to this training; what another one left there is moved aside, never mixed in."""
    mark = run_dir / FINGERPRINT
    found = json.loads(mark.read_text())["sha256"] if mark.is_file() else None
    if found == wanted:
        return
    others = [path for path in run_dir.iterdir() if path.name != OWNER]
    if others:
        number = 1
        while (aside := run_dir.with_name(f"{run_dir.name}.old{number}")).exists():
            number += 1
        aside.mkdir()
        for path in others:
            path.rename(aside / path.name)
        tell(f"{run_dir}: is of another training (settings, seed or data differ); moved to {aside}")
    write_json(mark, {"sha256": wanted})


def write_settings(run_dir: Path, *, name: str, model: ModelConfig, events_per_epoch: int) -> None:
    """Say what is trained."""
    train = model.train
    write_json(
        run_dir / SETTINGS,
        {
            "name": name,
            "max_steps": train.max_steps,
            "global_batch": train.global_batch,
            "events_per_epoch": events_per_epoch,
            "train": train.model_dump(mode="json"),
        },
    )


def write_state(run_dir: Path, state: State, message: str = "") -> None:
    """Say what became of it; `failed` is what another start would not mend."""
    write_json(run_dir / STATE, {"state": state, "message": message, "time": _now()})


def require_not_failed(run_dir: Path) -> None:
    """Stop where the start before ended with an error: another attempt would end the same way.

    Raises:
        TrainError: it did.
    """
    path = run_dir / STATE
    state = json.loads(path.read_text()) if path.is_file() else {}
    if state.get("state") == "failed":
        raise TrainError(
            f"{run_dir}: the start before failed: {state['message']}; mend that and start it again by hand"
        )


def _lock(file: TextIO) -> None:
    """Lock it, or raise BlockingIOError; `nuweave status` holds it for a moment at a time."""
    for _ in range(NUM_TRIES - 1):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(BETWEEN_TRIES_S)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _who(owner: str) -> str:
    """A name for the process that wrote `owner`, perhaps half."""
    try:
        found = json.loads(owner)
        job = f", job {found['job']}" if found["job"] else ""
        return f"process {found['pid']} on {found['host']}{job}, since {found['since']},"
    except (ValueError, KeyError):
        return "another process"


def write_json(path: Path, content: object) -> None:
    """Write a file of the run directory, whole or not at all."""
    with write_aside(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
