"""What Slurm itself would say to a job: sbatch tells it without submitting, in the site's own words."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping

from nuweave.sites.errors import SiteError
from nuweave.sites.request import Resource

TIMEOUT_S = 60.0
OPTIONS = {  # resource, as the executor calls it -> option of sbatch
    "slurm_account": "--account",
    "slurm_partition": "--partition",
    "qos": "--qos",
    "constraint": "--constraint",
    "runtime": "--time",
    "nodes": "--nodes",
    "tasks_per_node": "--ntasks-per-node",
    "cpus_per_task": "--cpus-per-task",
}


def trial_command(resources: Mapping[str, Resource]) -> list[str]:
    """The line that asks Slurm whether it would take such a job."""
    told = [f"{option}={resources[name]}" for name, option in OPTIONS.items() if resources.get(name)]
    extra = shlex.split(str(resources.get("slurm_extra") or ""))
    return ["sbatch", "--test-only", *told, *extra, "--wrap=true"]


def require_accepted(jobs: Mapping[str, Mapping[str, Resource]]) -> None:
    """Refuse to start where Slurm would refuse a job: an account without hours, limits that only the site knows.

    Args:
        jobs: what it is -> its resources.

    Raises:
        SiteError: in Slurm's words; or sbatch does not answer.
    """
    alike = {tuple(trial_command(resources)): what for what, resources in reversed(list(jobs.items()))}
    for command, what in reversed(list(alike.items())):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SiteError(f"sbatch cannot be asked ({error}); start again on a login node when it answers") from None
        if done.returncode != 0:
            raise SiteError(
                f"{what}: Slurm would not take it: {' '.join((done.stderr or done.stdout).split())}; change account, "
                f"queue, nodes or minutes (docs/sites); asked: {shlex.join(command)}"
            )
