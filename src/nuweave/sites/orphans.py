"""Jobs that an earlier start of Snakemake left behind: a new start beside them would do their work twice."""

from __future__ import annotations

import getpass
import json
import subprocess
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nuweave.sites.errors import SiteError

TIMEOUT_S = 60.0
REMEDY = "whether jobs of an earlier start still run is not known: start again when it answers"
JOB_NAME = "nw-"  # how the names of our jobs begin (PBS)
CANCEL = {"pbs": "qdel", "slurm": "scancel"}

Scheduler = Literal["none", "pbs", "slurm"]


class Job(NamedTuple):
    """A live job: its id, and what it is called there (PBS: its name; Slurm: the comment, which names the rule)."""

    id: str
    name: str


def require_none(scheduler: Scheduler, directory: Path) -> None:
    """Refuse to start while jobs of this directory are queued or running.

    Raises:
        SiteError: there are such jobs, or the batch system cannot be asked.
    """
    if found := jobs_of_directory(scheduler, directory):
        ids = " ".join(job.id for job in found)
        names = ", ".join(f"{job.id} ({job.name})" for job in found)
        raise SiteError(
            f"{directory}: {len(found)} job{'s' * (len(found) > 1)} of an earlier start still queued or running: "
            f"{names}; wait for the end, or cancel: {CANCEL[scheduler]} {ids}"
        )


def cancel(scheduler: Scheduler, directory: Path) -> list[Job]:
    """Cancel the live jobs of this directory when a start ends: Snakemake cancels none that it is just asking after.

    Returns:
        those jobs; some may have been on their way out already.
    Raises:
        SiteError: the batch system cannot be asked.
    """
    found = jobs_of_directory(scheduler, directory)
    if found:
        subprocess.run([CANCEL[scheduler], *(job.id for job in found)], capture_output=True, check=False)
    return found


def jobs_of_directory(scheduler: Scheduler, directory: Path) -> list[Job]:
    """Live jobs of this user that were submitted from a directory.

    Only one Snakemake can hold the lock of a directory, so each of them is from an earlier start.

    Raises:
        SiteError: the batch system cannot be asked.
    """
    if scheduler == "none":
        return []
    if scheduler == "slurm":
        answer = _answer("squeue", "--me", "--noheader", "--format=%i|%Z|%k")
        return slurm_jobs(answer, directory)
    ids = _answer("qselect", "-u", getpass.getuser()).split()
    if not ids:
        return []
    # -x: without it, qstat fails as soon as one of them has ended in between
    return pbs_jobs(json.loads(_answer("qstat", "-x", "-f", "-F", "json", *ids), strict=False), directory)


def slurm_jobs(answer: str, directory: Path) -> list[Job]:
    """Jobs in lines of `id|directory|comment` whose directory is this one."""
    lines = (line.split("|", 2) for line in answer.splitlines() if line.count("|") >= 2)
    return [Job(job_id, comment) for job_id, where, comment in lines if _same(where, directory)]


def pbs_jobs(answer: dict[str, Any], directory: Path) -> list[Job]:
    """Our live jobs in the answer of qstat whose directory is this one."""
    return [
        Job(job_id, job["Job_Name"])
        for job_id, job in answer.get("Jobs", {}).items()
        if job["Job_Name"].startswith(JOB_NAME)
        and job["job_state"] != "F"
        and _same(job.get("Variable_List", {}).get("PBS_O_WORKDIR", ""), directory)
    ]


def _same(where: str, directory: Path) -> bool:
    """Batch systems may name a directory as the shell did, through links."""
    return Path(where).resolve() == directory.resolve()


def _answer(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise SiteError(f"{command[0]} failed ({' '.join(error.stderr.split())}); {REMEDY}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SiteError(f"{command[0]} cannot be asked ({error}); {REMEDY}") from None
    return done.stdout
