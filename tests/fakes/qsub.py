"""`qsub` of PBS Pro at the ALCF: -A -q -l -N -o -j -k -r -v and the script; account, walltime, filesystems mandatory.

Takes the script as it is now (it may be deleted afterwards), prints the id of the job. The job gets the variables of
-v and those of PBS, none else of the submitter's environment. From: qsub in the PBS Professional User's Guide.
"""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from tests.fakes.pbs_server import (
    LIVE,
    Job,
    admit,
    all_jobs,
    locked,
    now,
    refuse,
    server,
    server_name,
    state,
    write_job,
)


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    script = Path(options.script)
    if not script.is_file():
        refuse("qsub", f"script file '{script}' cannot be loaded - No such file or directory", 1)
    resources = _resources(options.l)
    with locked():
        jobs = all_jobs()
        mine = [job["queue"] for job in jobs.values() if job["job_state"] in LIVE]
        counts = {name: mine.count(name) for name in mine}
        queue = admit(server()["site"], resources, options.A, options.q, counts)
        job_id = f"{len(jobs) + 1}.{server_name()}"
        copied = Path(shutil.copyfile(script, state() / "scripts" / job_id))
        copied.chmod(0o700)
        write_job(job_id, _job(options, resources, queue))
    command = "import sys; sys.path.insert(0, sys.argv[1]); from tests.fakes import pbs_mom; pbs_mom.main(sys.argv[2])"
    subprocess.Popen(
        [sys.executable, "-ESc", command, str(Path(__file__).parents[2]), job_id],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(state() / "mom.log").open("a"),
    )
    sys.stdout.write(f"{job_id}\n")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="qsub", allow_abbrev=False)
    parser.add_argument("-A")
    parser.add_argument("-q", default="prod")
    parser.add_argument("-l", action="append", default=[])
    parser.add_argument("-N")
    parser.add_argument("-o", default="")
    parser.add_argument("-j", choices=("oe", "eo", "n"), default="n")
    parser.add_argument("-k", choices=("doe", "oed", "n"), default="doe")
    parser.add_argument("-r", choices=("y", "n"), default="y")
    parser.add_argument("-v", default="")
    parser.add_argument("script")
    options = parser.parse_args(arguments)
    name = options.N or Path(options.script).name
    if len(name) > 15 or not name[0].isalnum() or any(one.isspace() for one in name):
        refuse("qsub", "illegal -N value", 2)
    return argparse.Namespace(**vars(options) | {"N": name})


def _resources(given: list[str]) -> dict[str, str | int]:
    pairs = [pair for one in given for pair in ([one] if one.startswith("select=") else one.split(","))]
    resources = {"select": "1", **dict(pair.split("=", 1) for pair in pairs)}
    return {**resources, "nodect": int(resources["select"].split(":")[0])}


def _job(options: argparse.Namespace, resources: dict[str, str | int], queue: str) -> Job:
    """As `qstat -f` shows it."""
    user, host = getpass.getuser(), socket.gethostname()
    variables = {
        "PBS_O_HOME": os.environ["HOME"],
        "PBS_O_LOGNAME": user,
        "PBS_O_PATH": os.environ["PATH"],
        "PBS_O_SHELL": "/bin/bash",
        "PBS_O_WORKDIR": str(Path.cwd()),
        "PBS_O_SYSTEM": "Linux",
        "PBS_O_QUEUE": options.q,
        "PBS_O_HOST": host,
        **dict(pair.split("=", 1) for pair in options.v.split(",") if pair),
    }
    return {
        "Job_Name": options.N,
        "Job_Owner": f"{user}@{host}",
        "job_state": "Q",
        "queue": queue,
        "server": server_name(),
        "Account_Name": options.A,
        "ctime": now(),
        "qtime": now(),
        "Join_Path": options.j,
        "Keep_Files": options.k,
        "Output_Path": f"{host}:{options.o or Path.cwd() / ''}",
        "Rerunable": "True" if options.r == "y" else "False",
        "Resource_List": resources,
        "Variable_List": variables,
        "project": "_pbs_project_default",
    }
