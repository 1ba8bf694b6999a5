"""The machine, what jobs would ask for, and whether the batch system is there and answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from nuweave.config.cluster import ClusterConfig
from nuweave.config.site import SiteConfig
from nuweave.config.train import TrainConfig
from nuweave.sites.doctor.check import Check
from nuweave.sites.errors import SiteError
from nuweave.sites.job_end import job_end
from nuweave.sites.limits import require_account, require_queue
from nuweave.sites.machine import require_here
from nuweave.sites.orphans import CANCEL, jobs_of_directory
from nuweave.sites.request import Request, Step, plan

COMMANDS = {  # what a run calls
    "none": (),
    "pbs": ("qsub", "qstat", "qselect", "qdel"),
    "slurm": ("sbatch", "squeue", "scontrol", "scancel", "srun"),
}
STEPS: tuple[Step, ...] = ("files", "tables", "device", "train")


def check_machine(site: SiteConfig, host: str, environment: Mapping[str, str]) -> Check:
    """Whether this is a machine of the site."""
    try:
        require_here(site, host, environment)
    except SiteError as error:
        return _failed("machine", error)
    return Check("machine", "ok", f"{host} is part of {site.name}, as described on {site.checked}")


def check_account(site: SiteConfig, cluster: ClusterConfig) -> Check:
    """Whether jobs have what the site wants of each."""
    request = plan(site, "files", cluster)
    try:
        require_account(site, request, "jobs")
    except SiteError as error:
        return _failed("account", error)
    told = [word for word in (request.account, request.filesystems) if word]
    return Check("account", "ok", ", ".join(told) or "none is needed")


def check_queues(site: SiteConfig, cluster: ClusterConfig) -> Check:
    """Whether the queues of all steps are known, and take what they ask for."""
    requests = {step: _request(site, step, cluster) for step in STEPS}
    try:
        for step, request in requests.items():
            require_queue(site, request, step)
    except SiteError as error:
        return _failed("queues", error)
    named = ", ".join(f"{step} {request.queue or 'the default'}" for step, request in requests.items())
    return Check("queues", "ok", named)


def check_commands(site: SiteConfig, places: Mapping[str, str | None]) -> Check:
    """Whether the commands of the batch system are there.

    Args:
        places: where each is; None where it is not on PATH.
    """
    if missing := [name for name in COMMANDS[site.scheduler] if places[name] is None]:
        return Check(
            "commands", "fail", f"not on PATH: {', '.join(missing)}", f"log in to {site.login or 'a login node'}"
        )
    return Check("commands", "ok", ", ".join(COMMANDS[site.scheduler]))


def check_scheduler(site: SiteConfig, directory: Path) -> Check:
    """Whether the batch system answers, asked as a start asks it: for jobs of this directory."""
    try:
        jobs = jobs_of_directory(site.scheduler, directory)
    except SiteError as error:
        return _failed("scheduler", error)
    if jobs:
        ids = " ".join(job.id for job in jobs)
        remedy = f"a start waits for their end; or cancel: {CANCEL[site.scheduler]} {ids}"
        return Check("scheduler", "warn", f"answers; jobs of an earlier start from {directory}: {ids}", remedy)
    return Check("scheduler", "ok", "answers; no job of this directory is queued or running")


def check_end(environment: Mapping[str, str]) -> Check:
    """Whether a training will know when its job ends."""
    end = job_end(environment)
    if end is None:
        remedy = "export NUWEAVE_END_TIME=SECONDS_SINCE_1970 in the job script"
        return Check("job's end", "warn", "nobody says when this job ends: a training cannot save just before", remedy)
    return Check("job's end", "ok", f"in {(end - time.time()) / 60:.0f} min")


def _request(site: SiteConfig, step: Step, cluster: ClusterConfig) -> Request:
    return plan(site, step, cluster, TrainConfig() if step == "train" else None)


def _failed(name: str, error: SiteError) -> Check:
    """The messages of this room end with the remedy."""
    return Check(name, "fail", str(error))
