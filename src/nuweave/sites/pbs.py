"""Jobs of PBS Pro: how Snakemake's executor cluster-generic submits them and asks after them.

Source: PBS Professional User's Guide (qsub, qstat, job exit codes); ALCF user guides, "Running Jobs on Polaris".
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from nuweave.config.site import SiteConfig
from nuweave.sites.errors import SiteError
from nuweave.sites.limits import require_fit
from nuweave.sites.machine import SITE
from nuweave.sites.orphans import JOB_NAME
from nuweave.sites.request import from_resources

LOGS = Path("logs/pbs")  # of jobs: output and errors of job 12.server in 12.server.OU
NAME_LENGTH = 15  # of a job; more is cut off or refused by older servers
WALLTIME = "NUWEAVE_WALLTIME_S"  # of the job [s]; its script makes the time of its end of it
START = "NUWEAVE_START"  # process of the Snakemake that submits
TIMEOUT_S = 60.0
REMEDIES = {  # words of a refusal -> what to do
    "allocation": "set NUWEAVE_ACCOUNT to an allocation that has hours left, or have this one renewed",
    "account": "set NUWEAVE_ACCOUNT to your allocation",
    "unknown queue": "set NUWEAVE_QUEUE to a queue of this site (qstat -Q)",
    "filesystem": "set NUWEAVE_FILESYSTEMS, as home:eagle",
    "per-user limit": "wait for your jobs there (qstat), start with --resources trainings=1, or set NUWEAVE_QUEUE",
    "resource limits": "ask for fewer nodes or minutes (NUWEAVE_NODES, NUWEAVE_MINUTES), or set NUWEAVE_QUEUE",
}

Status = Literal["running", "success", "failed"]


def read_properties(jobscript: Path) -> dict[str, Any]:
    """What Snakemake wrote about the job into its script, in the line `# properties = {...}`.

    Raises:
        SiteError: it has no such line.
    """
    for line in jobscript.read_text().splitlines():
        if line.startswith("# properties = "):
            properties: dict[str, Any] = json.loads(line.removeprefix("# properties = "))
            return properties
    raise SiteError(f"{jobscript}: has no line `# properties = ...`; submit job scripts of Snakemake only")


def site_of(properties: Mapping[str, Any]) -> str:
    """Name of the site that a job is for.

    Raises:
        SiteError: it does not say.
    """
    if "site" not in properties["resources"]:
        raise SiteError(f"{title(properties)}: has no resource `site`; start with --profile of a site")
    return str(properties["resources"]["site"])


def title(properties: Mapping[str, Any]) -> str:
    """A job in words: `train (model=cosmic_tagger)`, `group files`."""
    if properties["type"] == "group":
        return f"group {properties['groupid']}"
    wildcards = ", ".join(f"{name}={value}" for name, value in properties["wildcards"].items())
    return f"{properties['rule']} ({wildcards})" if wildcards else str(properties["rule"])


def qsub_command(
    properties: Mapping[str, Any], site: SiteConfig, jobscript: Path, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """The line that submits a job script. Logs are named by the job's id, as Snakemake names it when a job fails."""
    request = from_resources(site, properties["resources"])
    own = {name: value for name, value in environment.items() if name.startswith("NUWEAVE_") and name != START}
    # the job plans itself again, so it gets what the start was told; PBS hands on nothing else
    variables = own | {SITE: site.name, WALLTIME: str(60 * request.minutes)}
    name = JOB_NAME + str(properties["groupid" if properties["type"] == "group" else "rule"])
    options = [
        ("-A", request.account),
        ("-q", request.queue),
        ("-l", f"select={request.nodes}:{site.select}".rstrip(":")),
        ("-l", "place=scatter"),
        ("-l", f"walltime={request.minutes // 60:02d}:{request.minutes % 60:02d}:00"),
        ("-l", request.filesystems and f"filesystems={request.filesystems}"),
        ("-N", name[:NAME_LENGTH]),
        ("-o", f"{LOGS.absolute()}/"),
        ("-j", "oe"),
        ("-k", "doe"),
        # a job that lost its node, or was preempted, ends: Snakemake submits it again by `retries`, having seen to its
        # outputs and counted the attempt. A requeue behind its back may meet a first copy that still runs.
        ("-r", "n"),
        ("-v", ",".join(f"{key}={value}" for key, value in variables.items())),
    ]
    return ["qsub", *(part for flag, value in options if value for part in (flag, value)), str(jobscript)]


def submit(properties: Mapping[str, Any], site: SiteConfig, jobscript: Path) -> str:
    """Submit a job script.

    Returns:
        the id of the job.
    Raises:
        SiteError: the site would not take it, or qsub is absent, does not answer or refuses.
    """
    require_fit(site, from_resources(site, properties["resources"]), title(properties))
    command = qsub_command(properties, site, jobscript)
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except FileNotFoundError:
        raise SiteError(f"{title(properties)}: qsub is not on PATH; start on a login node of {site.name}") from None
    except subprocess.TimeoutExpired:
        raise SiteError(
            f"{title(properties)}: qsub did not answer within {TIMEOUT_S:.0f} s; look at `qstat -u $USER`, start again"
        ) from None
    job_id = done.stdout.strip()
    if done.returncode != 0 or not job_id:
        raise SiteError(refusal(title(properties), " ".join(done.stderr.split()), done.returncode))
    return job_id


def end_start(environment: Mapping[str, str]) -> None:
    """Have Snakemake end when its running jobs have: by `retries` it would ask again at once, for the same answer."""
    if START in environment:
        os.kill(int(environment[START]), signal.SIGTERM)


def refusal(what: str, words: str, exit_status: int) -> str:
    """What qsub said, in one line with a remedy."""
    remedy = next((remedy for key, remedy in REMEDIES.items() if key in words.lower()), "mend what it names")
    return f"{what}: not submitted, exit status {exit_status}: {words or 'qsub said nothing'}; {remedy}"


def status(job_id: str, *, asks: int = 3, pause_s: float = 5.0) -> tuple[Status, str]:
    """What became of a job, and a line about it if there is something to tell.

    A server that does not answer says nothing about the job: it counts as running, and Snakemake asks again later. A
    job that the server does not know is asked after several times: it may be on its way through a routing queue.
    """
    words = ""
    for ask in range(asks):
        if ask:
            time.sleep(pause_s)
        job, words = _ask(job_id)
        if job is not None:
            return _judge(job_id, job)
    if "unknown job id" in words.lower():
        return "failed", (
            f"job {job_id}: PBS does not know it ({words}); a job that fits no execution queue of a routing queue "
            "disappears like this: compare nodes and minutes with the queues of the site"
        )
    return "running", f"job {job_id}: qstat does not answer ({words}); taken as running, asked again later"


def _ask(job_id: str) -> tuple[dict[str, Any] | None, str]:
    """The job as qstat describes it, or nothing and what was said instead."""
    try:
        done = subprocess.run(
            ["qstat", "-x", "-f", "-F", "json", job_id], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    try:
        (job,) = json.loads(done.stdout, strict=False)["Jobs"].values()
    except (ValueError, KeyError, AttributeError):
        return None, " ".join(done.stderr.split()) or f"exit status {done.returncode}, no job in its answer"
    return dict(job), ""


def _judge(job_id: str, job: Mapping[str, Any]) -> tuple[Status, str]:
    """Only a finished job (F; X of an array) has ended; one that waits, is held or suspended is still to come."""
    if job.get("job_state") not in ("F", "X"):
        return "running", ""
    exit_status = job.get("Exit_status")
    if exit_status == 0:
        return "success", ""
    why = {
        -29: "killed at the end of its walltime",
        271: "deleted, or killed by SIGTERM",
        265: "killed by SIGKILL",
        None: "deleted before it started",
    }.get(exit_status, str(job.get("comment", "see its log")))
    return "failed", f"job {job_id}: Exit_status {exit_status}: {why}; log: {LOGS / job_id}.OU"
