"""A cluster in a directory: its commands, the home of a user on it, and what a test may do to its jobs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.clone import CHECKOUT
from tests.fakes.pbs_server import Job

COMMANDS = {name: name for name in ("qsub", "qstat", "qdel", "qselect")} | {"mpiexec": "pals", "module": "lmod"}
WRAPPER = """#!/bin/sh
export FAKE_PBS={state}
exec {python} -ESc 'import sys
sys.path.insert(0, "{checkout}")
from tests.fakes import {module}
sys.exit({module}.main(sys.argv[1:]))' "$@"
"""
PROFILE = "export PATH={bin}:$PATH PYTHONPATH={checkout}/src OMP_NUM_THREADS=1\n"


class FakePbs:
    """PBS Pro at a site of the ALCF.

    Args:
        directory: an empty one, for everything.
        site: polaris or aurora; decides on queues and file systems.
        num_nodes: that exist.
    """

    def __init__(self, directory: Path, site: str, num_nodes: int = 4) -> None:
        self.state, self.bin, self.home = directory / "pbs", directory / "bin", directory / "home"
        for path in (self.bin, self.home, *(self.state / name for name in ("jobs", "scripts", "nodefiles"))):
            path.mkdir(parents=True)
        for name in ("deleted", "over"):
            (self.state / name).mkdir()
        self.configure(
            site=site,
            nodes=[f"x3001c0s{number}b0n0" for number in range(num_nodes)],
            accounts=["neutrinos"],
            modules=["conda", "frameworks"],
            kill_delay_s=10,
        )
        for command, module in COMMANDS.items():
            script = self.bin / command
            script.write_text(WRAPPER.format(state=self.state, python=sys.executable, checkout=CHECKOUT, module=module))
            script.chmod(0o755)
        (self.home / ".bash_profile").write_text(PROFILE.format(bin=self.bin, checkout=CHECKOUT))

    def configure(self, **values: object) -> None:
        """Change what the server is given."""
        file = self.state / "server.json"
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(before | values))

    def login(self) -> dict[str, str]:
        """Environment of a shell on a login node."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PBS_", "NUWEAVE_"))},
            "PATH": f"{self.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
        }

    def jobs(self, name: str = "") -> dict[str, Job]:
        """Id -> job as `qstat -f` shows it, in the order of submission; those of a name only."""
        files = sorted((self.state / "jobs").glob("*.json"), key=lambda file: int(file.name.split(".")[0]))
        found = {file.stem: json.loads(file.read_text()) for file in files}
        return {job_id: job for job_id, job in found.items() if job["Job_Name"].startswith(name)}

    def live(self) -> list[str]:
        """Ids of jobs that have not finished."""
        return [job_id for job_id, job in self.jobs().items() if job["job_state"] != "F"]

    def wait(self, job_id: str, state: str = "F", timeout_s: float = 60.0) -> Job:
        """The job, once it is in a state."""
        wait_until(lambda: self.jobs()[job_id]["job_state"] == state, timeout_s)
        return self.jobs()[job_id]

    def launches(self) -> list[dict[str, object]]:
        """What mpiexec was asked for."""
        file = self.state / "launches.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def end_walltime(self, job_id: str) -> None:
        """The walltime of a job is over now."""
        (self.state / "over" / job_id).touch()

    def flap(self, times: int) -> None:
        """The next questions of qstat fail."""
        (self.state / "flaps").write_text(str(times))

    def close(self) -> None:
        """Delete every job, and wait until none is left."""
        for job_id in self.live():
            (self.state / "deleted" / job_id).touch()
        wait_until(lambda: not [one for one in self.jobs().values() if one["job_state"] in "QRE"])


def wait_until(true: Callable[[], object], timeout_s: float = 60.0, every_s: float = 0.05) -> None:
    """Fail if it does not become true in time."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"still not so after {timeout_s:.0f} s"
        time.sleep(every_s)
