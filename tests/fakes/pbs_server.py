"""What the PBS commands of a cluster share: its policy, its jobs, and the words in which it refuses.

Imitates OpenPBS/PBS Professional 2022 (User's Guide; Administrator's Guide, "Job Exit Status Codes") as the ALCF runs
it (user guides "Running Jobs on Polaris", "Running Jobs on Aurora" and "Common PBS Issues & Troubleshooting", 2026-08).
Leaves out priorities, chunks of different nodes, arrays, dependencies, reservations and #PBS lines in scripts.

The state is a directory, named by the variable FAKE_PBS: server.json (what a test gave the site), one file a job, and
files by which a test interferes (tests.fakes.cluster). No daemon: each job has a process that sees to it (pbs_mom).
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

Job = dict[str, Any]

UNKNOWN_JOB, UNKNOWN_QUEUE, LIMITS, FINISHED, REJECTED = 153, 170, 188, 35, 1  # exit status of a command
LIVE = ("Q", "H", "R", "E")


class Queue(NamedTuple):
    """Limits of a queue: nodes, walltime [min], and jobs of one user in it."""

    min_nodes: int
    max_nodes: int
    max_minutes: int
    max_jobs: int = 100


QUEUES = {
    "polaris": {
        "debug": Queue(1, 2, 60),
        "debug-scaling": Queue(1, 10, 60, max_jobs=1),
        "preemptable": Queue(1, 10, 72 * 60),
        "capacity": Queue(1, 4, 168 * 60, max_jobs=2),
        "small": Queue(10, 24, 3 * 60),
        "medium": Queue(25, 99, 6 * 60),
        "large": Queue(100, 496, 24 * 60),
    },
    "aurora": {
        "debug": Queue(1, 2, 60, max_jobs=1),
        "debug-scaling": Queue(2, 256, 60, max_jobs=1),
        "capacity": Queue(1, 16, 168 * 60),
        "small": Queue(256, 1024, 12 * 60),
        "medium": Queue(1025, 2048, 18 * 60),
        "large": Queue(2049, 10624, 24 * 60),
    },
}
ROUTED = ("small", "medium", "large")  # behind the queue prod
FILESYSTEMS = {"polaris": ("home", "eagle"), "aurora": ("home", "flare", "daos_user_fs")}


def state() -> Path:
    """The directory of the server."""
    return Path(os.environ["FAKE_PBS"])


def server() -> dict[str, Any]:
    """What the test gave the site: site, nodes, accounts, kill_delay_s, modules."""
    given: dict[str, Any] = json.loads((state() / "server.json").read_text())
    return given


def server_name() -> str:
    return f"{server()['site']}-pbs-01"


@contextmanager
def locked() -> Iterator[None]:
    """Alone with the server."""
    with (state() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def all_jobs() -> dict[str, Job]:
    """Id -> job, in the order of submission."""
    files = sorted((state() / "jobs").glob("*.json"), key=lambda file: int(file.name.split(".")[0]))
    return {file.stem: json.loads(file.read_text()) for file in files}


def write_job(job_id: str, job: Job) -> None:
    """Whole, or not at all."""
    aside = state() / "jobs" / f"{job_id}.{os.getpid()}.aside"
    aside.write_text(json.dumps(job | {"mtime": now()}))
    aside.replace(state() / "jobs" / f"{job_id}.json")


def full_id(given: str) -> str:
    """12 is short for 12.server."""
    return given if "." in given else f"{given}.{server_name()}"


def now() -> str:
    """As PBS writes times."""
    return time.strftime("%a %b %d %H:%M:%S %Y")


def seconds(walltime: str) -> int:
    """Of HH:MM:SS, or MM:SS, or seconds."""
    total = 0
    for part in walltime.split(":"):
        total = 60 * total + int(part)
    return total


def refuse(command: str, words: str, status: int) -> NoReturn:
    """End as a command of PBS does."""
    sys.stderr.write(f"{command}: {words}\n")
    sys.exit(status)


def admit(site: str, resources: dict[str, Any], account: str | None, queue: str, user_jobs: dict[str, int]) -> str:
    """The execution queue that takes a job; refuses as hooks of the site and the server do.

    Words of hooks are the documented ones; where the guides give none ("is required to be set") they are our own.
    """
    for name, value in (("account_name", account), *((key, resources.get(key)) for key in ("walltime", "filesystems"))):
        if not value:
            refuse("qsub", f"{name} is required to be set", REJECTED)
    if account not in server()["accounts"]:
        refuse("qsub", f"No active allocation found for project {account} and resource {site}", REJECTED)
    strange = [name for name in resources["filesystems"].split(":") if name not in FILESYSTEMS[site]]
    if strange:
        refuse("qsub", f"Invalid filesystem identifiers {':'.join(strange)}", REJECTED)
    if queue != "prod" and (queue in ROUTED or queue not in QUEUES[site]):
        refuse("qsub", "Unknown queue", UNKNOWN_QUEUE)
    fitting = [one for one in (ROUTED if queue == "prod" else (queue,)) if _fits(QUEUES[site][one], resources)]
    if not fitting:
        refuse("qsub", "Job violates queue and/or server resource limits", LIMITS)
    if user_jobs.get(fitting[0], 0) >= QUEUES[site][fitting[0]].max_jobs:
        refuse("qsub", f"would exceed queue {fitting[0]}'s per-user limit of jobs in 'Q' state", REJECTED)
    return fitting[0]


def _fits(queue: Queue, resources: dict[str, Any]) -> bool:
    minutes = seconds(resources["walltime"]) / 60
    return queue.min_nodes <= resources["nodect"] <= queue.max_nodes and minutes <= queue.max_minutes
