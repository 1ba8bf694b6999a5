"""Sees to one job, as scheduler and MoM of PBS Pro do: waits for nodes, runs the script, ends it, tells how it ended.

A job starts in the home directory with a clean environment. At the end of its walltime (Exit_status -29), or deleted
(256 + 15), all of its processes get SIGTERM, and SIGKILL after kill_delay. A job whose log cannot be written is held.
From: PBS Professional User's Guide ("Environment Variables"), Administrator's Guide ("Job Exit Status Codes"), ALCF
"Common PBS Issues & Troubleshooting". Which processes belong to a job is read off PBS_NODEFILE in their environment,
as a cgroup would tell; two servers of two tests may have jobs of the same id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.fakes.pbs_server import Job, all_jobs, locked, now, seconds, server, state, write_job

POLL_S = 0.05
WALLTIME, DELETED = -29, 256 + signal.SIGTERM


def main(job_id: str) -> None:
    job = _start(job_id)
    if job is not None:
        log = _log(job_id, job)
        if log.parent.is_dir():
            _finish(job_id, _run(job_id, job, log))
        else:
            _change(job_id, job_state="H", comment="job held, too many failed attempts to run")


def _start(job_id: str) -> Job | None:
    """Wait for nodes; nothing if the job was deleted before."""
    while True:
        with locked():
            jobs = all_jobs()
            busy = {node for job in jobs.values() if job["job_state"] in "RE" for node in job["exec_host"].split("+")}
            free = [node for node in server()["nodes"] if node not in busy]
            wanted = jobs[job_id]["Resource_List"]["nodect"]
            if _told("deleted", job_id):
                write_job(job_id, jobs[job_id] | {"job_state": "F", "substate": 91})
                return None
            if wanted <= len(free):
                running = {"job_state": "R", "stime": now(), "exec_host": "+".join(free[:wanted])}
                write_job(job_id, jobs[job_id] | running)
                return jobs[job_id] | running
        time.sleep(POLL_S)


def _run(job_id: str, job: Job, log: Path) -> int:
    """Run the script; the exit status of the job."""
    end = time.monotonic() + seconds(job["Resource_List"]["walltime"])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [state() / "scripts" / job_id],
            cwd=job["Variable_List"]["PBS_O_HOME"],
            env=_environment(job_id, job),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    told = None
    while process.poll() is None and told is None:
        if _told("deleted", job_id):
            told = DELETED
        elif time.monotonic() > end or _told("over", job_id):
            told = WALLTIME
        time.sleep(POLL_S)
    _change(job_id, job_state="E")
    if told is not None:
        _signal(job_id, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(server()["kill_delay_s"])
    _signal(job_id, signal.SIGKILL)  # what is left of it
    status = process.wait()
    return told if told is not None else status if status >= 0 else 256 - status


def _environment(job_id: str, job: Job) -> dict[str, str]:
    nodefile = state() / "nodefiles" / job_id
    nodefile.write_text("".join(f"{node}\n" for node in job["exec_host"].split("+")))
    variables = job["Variable_List"]
    return {
        **variables,
        "PBS_ENVIRONMENT": "PBS_BATCH",
        "PBS_JOBID": job_id,
        "PBS_JOBNAME": job["Job_Name"],
        "PBS_NODEFILE": str(nodefile),
        "PBS_QUEUE": job["queue"],
        "HOME": variables["PBS_O_HOME"],
        "LOGNAME": variables["PBS_O_LOGNAME"],
        "USER": variables["PBS_O_LOGNAME"],
        "SHELL": "/bin/bash",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


def _log(job_id: str, job: Job) -> Path:
    path = Path(job["Output_Path"].split(":", 1)[1])
    return path / f"{job_id}.OU" if job["Output_Path"].endswith("/") or path.is_dir() else path


def _finish(job_id: str, status: int) -> None:
    walltime = all_jobs()[job_id]["Resource_List"]["walltime"]
    comments = {WALLTIME: f"job killed: walltime exceeded limit {seconds(walltime)}", DELETED: "Job deleted by user"}
    comment = comments.get(status, "Job finished" if status == 0 else "Job failed")
    _change(job_id, job_state="F", substate=92, Exit_status=status, comment=comment)


def _change(job_id: str, **values: str | int) -> None:
    with locked():
        write_job(job_id, all_jobs()[job_id] | values)


def _told(what: str, job_id: str) -> bool:
    return (state() / what / job_id).exists()


def _signal(job_id: str, number: int) -> None:
    """To every process of the job."""
    mark = f"PBS_NODEFILE={state() / 'nodefiles' / job_id}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), number)
