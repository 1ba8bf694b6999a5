"""A user of perlmutter who logs in on this machine: Snakemake with that profile, on the Slurm of the fixture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.clone import CHECKOUT, link_clone, take_interrupts
from tests.fakes.cluster import wait_until

HERE = (  # no accounting that keeps finished jobs, and a test that does not wait
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"),
    *("--latency-wait", "10"),
)


class Job(NamedTuple):
    """A job that Slurm knows: also one that has ended, for some minutes.

    Attributes:
        comment: rule_NAME..., as the executor says.
        state: as RUNNING.
    """

    id: str
    comment: str
    state: str


class Start:
    """Snakemake at work, until its end is waited for."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process, self.output = process, output

    def end(self, timeout_s: float = 150.0) -> int:
        """Wait for it; its exit status."""
        return self.process.wait(timeout_s)

    def interrupt(self) -> int:
        """Press Ctrl-C; its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def kill(self) -> None:
        """As a node that goes down does."""
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.output.read_text()


class SlurmUser:
    """Works in a directory that links to the checkout.

    Args:
        directory: an empty one.
        configfiles: of the workflow.
        arguments: of Snakemake, each time.
    """

    def __init__(self, directory: Path, configfiles: list[Path], arguments: list[str]) -> None:
        self.directory = directory
        self.arguments = ["--profile", "perlmutter", *HERE, *arguments, "--configfile", *map(str, configfiles)]
        self.root = directory / "results" / "small"
        self._starts: list[Start] = []
        link_clone(directory)
        module = directory / "bin" / "module"  # what envs/perlmutter.sh calls
        module.parent.mkdir()
        module.write_text("#!/bin/sh\n")
        module.chmod(0o755)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "NUWEAVE_"))},
            "PATH": f"{module.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT / "src"),
            "OMP_NUM_THREADS": "1",
            "NUWEAVE_SITE": "perlmutter",
            "NUWEAVE_ACCOUNT": "m1234",
        }

    def start(self, *arguments: str) -> Start:
        """Start Snakemake."""
        output = self.directory / f"snakemake{len(self._starts)}.log"
        with output.open("w") as file:
            process = subprocess.Popen(
                ["snakemake", *arguments, *self.arguments],
                cwd=self.directory,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=take_interrupts,
            )
        self._starts.append(Start(process, output))
        return self._starts[-1]

    def run(self, *arguments: str) -> None:
        """Start Snakemake and see it end well."""
        start = self.start(*arguments)
        assert start.end(900) == 0, start.said

    def jobs(self, rule: str = "") -> list[Job]:
        """Jobs of a rule, the oldest first."""
        answer = self.slurm("squeue", "--noheader", "--states=all", "--sort=i", "--format=%i|%k|%T|%Z")
        found = [line.split("|") for line in answer.splitlines()]
        return [
            Job(*fields)
            for *fields, where in found
            if where == str(self.directory) and fields[1].startswith(f"rule_{rule}")
        ]

    def live(self) -> list[Job]:
        """Jobs that have not ended."""
        return [job for job in self.jobs() if job.state in ("PENDING", "RUNNING", "COMPLETING")]

    def log(self, job: Job) -> str:
        """What a job has printed."""
        (file,) = (self.directory / "logs" / "slurm").glob(f"*/**/{job.id}.log")
        return file.read_text()

    def slurm(self, *command: str) -> str:
        """The answer of one of its commands."""
        return subprocess.run(command, check=True, capture_output=True, text=True, env=self.environment).stdout

    def close(self) -> None:
        """End what is left."""
        for start in self._starts:
            if start.process.poll() is None:
                start.kill()
        for job in self.live():
            self.slurm("scancel", job.id)
        see(lambda: not self.live())


def see(true: Callable[[], object], timeout_s: float = 150.0) -> None:
    """Wait until it is true; Slurm is asked a few times a second."""
    wait_until(true, timeout_s, every_s=0.3)
