"""When the job ends in which this process is, as its scheduler states it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import datetime

END_TIME = "NUWEAVE_END_TIME"  # seconds since 1970; a job script may know better than all others
QUESTION_TIMEOUT_S = 20.0


def job_end(environment: Mapping[str, str]) -> float | None:
    """Seconds since 1970; None outside a job, or where nobody says.

    Slurm sets SLURM_JOB_END_TIME in the job, squeue knows it where that was stripped; PBS Pro has the start and the
    walltime in `qstat -f -F json`.
    """
    for name in (END_TIME, "SLURM_JOB_END_TIME"):
        if environment.get(name, "").isdecimal():
            return float(environment[name])
    if job := environment.get("SLURM_JOB_ID"):
        return _end_in_slurm(_answer("squeue", "--noheader", f"--jobs={job}", "--format=%e"))
    if job := environment.get("PBS_JOBID"):
        return _end_in_pbs(_answer("qstat", "-f", "-F", "json", job))
    return None


def _end_in_slurm(answer: str) -> float | None:
    """From a local time as 2026-11-23T18:00:00; NONE and N/A are no time."""
    try:
        return datetime.fromisoformat(answer.split("\n")[0].strip()).timestamp()
    except ValueError:
        return None


def _end_in_pbs(answer: str) -> float | None:
    """Start and walltime of the one job in the answer."""
    try:
        (job,) = json.loads(answer)["Jobs"].values()
        start = datetime.strptime(job["stime"], "%a %b %d %H:%M:%S %Y").timestamp()
        hours, minutes, seconds = map(int, job["Resource_List"]["walltime"].split(":"))
    except (ValueError, KeyError, TypeError):
        return None
    return start + 3600 * hours + 60 * minutes + seconds


def _answer(*command: str) -> str:
    """What a command of the scheduler says; nothing where it is absent or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=QUESTION_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
