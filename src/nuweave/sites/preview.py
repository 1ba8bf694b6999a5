"""What Snakemake would submit for a rule: its own executor submits the job to stand-ins that only write it down."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nuweave.config.site import SiteConfig, load_site
from nuweave.sites.errors import SiteError
from nuweave.sites.launch import launch_line
from nuweave.sites.machine import SITE
from nuweave.sites.request import from_resources

SUBMIT = ("qsub", "sbatch")
ASK = ("qselect", "qstat", "squeue", "sacct", "sacctmgr", "sshare", "sinfo", "scontrol")  # they know nothing
LAUNCH = "nuweave launch"
STAND_IN = """#!{python}
import json, pathlib, sys
if "--test-only" in sys.argv:
    sys.exit(0)
wrapped = [part.removeprefix("--wrap=") for part in sys.argv if part.startswith("--wrap=")]
line = [part for part in sys.argv[1:] if not part.startswith("--wrap=")]
script = wrapped[0] if wrapped else pathlib.Path(sys.argv[-1]).read_text()
told = dict(submit=[{name!r}, *line], script=script)
pathlib.Path({told!r}).write_text(json.dumps(told))
print(1)
"""
# Snakemake up to its first look for jobs: there the wanted one goes to the executor, whether its inputs exist or not
PROGRAM = """
import json, shutil, sys
from snakemake import cli
from snakemake.scheduling.job_scheduler import JobScheduler

rule, wanted, command = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]


def schedule(self):
    jobs = [job for job in self.workflow.dag.jobs if job.rule.name == rule]
    job = next((job for job in jobs if wanted.items() <= job.wildcards_dict.items()), None)
    if job is None:
        sys.exit(f"nuweave: {rule}: no such job in this run: {wanted}")
    if job.is_local:
        sys.exit(f"nuweave: {rule}: runs where snakemake runs, nothing is submitted")
    resources = {name: value for name, value in job.resources.items() if isinstance(value, (int, str))}
    open(command, "w").write(json.dumps(dict(command=job.shellcmd, resources=resources)))
    # else its outputs count as incomplete, and the next start would make them again
    self.workflow.persistence.started = lambda *_, **__: None
    executor = self.get_executor(job)
    executor.run_jobs([self.workflow.dag.get_job_group(job) or job])
    shutil.rmtree(executor.tmpdir)
    sys.exit(0)


JobScheduler.schedule = schedule
cli.main(sys.argv[4:])
"""


class Preview(NamedTuple):
    """A job as it would be submitted.

    Attributes:
        submit: the line.
        script: what it submits.
        command: of the rule, that the script comes to.
        launch: the line that starts the ranks of a training; empty for other rules.
    """

    submit: str
    script: str
    command: str
    launch: str


def preview(rule: str, wildcards: Mapping[str, str], profile: str, arguments: Sequence[str]) -> Preview:
    """Have Snakemake submit one job of a rule, to stand-ins for qsub and sbatch. No file of a run changes.

    Args:
        rule: its name, as `train`.
        wildcards: which of its jobs, as model -> cosmic_tagger; the first that fits is taken.
        profile: of a site, or its directory.
        arguments: further ones of snakemake.

    Raises:
        SiteError: Snakemake gets no job of it to the submission.
    """
    site = load_site(Path(profile).name)
    if site.scheduler == "none":
        raise SiteError(f"profile {profile}: nothing is submitted there; snakemake -n -p prints the commands")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        told, command = directory / "told.json", directory / "command.json"
        _write_stand_ins(directory, told)
        options = ["--profile", profile, "--nolock", "--forcerun", rule, *arguments]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, rule, json.dumps(dict(wildcards)), str(command), *options],
            env=os.environ | {"PATH": f"{directory}:{os.environ['PATH']}", SITE: site.name},
            capture_output=True,
            text=True,
            check=False,
        )
        if not told.exists():
            lines = (done.stdout + done.stderr).strip().splitlines() or ["snakemake said nothing"]
            ours = [line.removeprefix("nuweave: ") for line in lines if line.startswith("nuweave: ")]
            raise SiteError((ours or lines)[-1])
        job, own = json.loads(told.read_text()), json.loads(command.read_text())
    launch = _launch(site, own["command"], own["resources"]) if LAUNCH in own["command"] else ""
    return Preview(shlex.join(job["submit"]), job["script"], own["command"], launch)


def _write_stand_ins(directory: Path, told: Path) -> None:
    """Programs that take the place of the batch system's."""
    for name in (*SUBMIT, *ASK):
        script = directory / name
        text = STAND_IN.format(python=sys.executable, name=name, told=str(told)) if name in SUBMIT else "#!/bin/sh\n"
        script.write_text(text)
        script.chmod(0o755)


def _launch(site: SiteConfig, command: str, resources: Mapping[str, int | str]) -> str:
    """What `nuweave launch` in the command of a rule becomes inside of the job."""
    request = from_resources(site, resources)
    nodes = "$PBS_NODEFILE"
    line = launch_line(
        site,
        shlex.split(command.split(" -- ", 1)[1].split(" 2>&1")[0]),
        nodes=request.nodes,
        ranks_per_node=request.ranks_per_node,
        gpus_per_node=request.gpus_per_node,
        environment={"PBS_NODEFILE": nodes},
    )
    return shlex.join(line).replace(shlex.quote(nodes), nodes)
