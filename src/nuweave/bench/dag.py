"""`nuweave bench dag`: the time in which Snakemake plans thousands of jobs, and sees that none is left to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import yaml

from nuweave.bench.record import Record, Row, make_record, row_with_target
from nuweave.config import UserError

PROFILES = ("local", "polaris")  # the second groups jobs
TARGET = "<= 60"
LIMIT_S = 120  # that a plan may take before it is given up
LINKS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "src")
NOTHING = "Nothing to be done"
# `snakemake --touch`, but for the tenth of a second that it waits before each job
TOUCH = (
    "import sys; from snakemake.cli import main; from snakemake.executors import touch;"
    " touch.Executor.SLEEPING_TIME = 0; main(sys.argv[1:])"
)


def run_dag(*, checkout: Path, num_files: int, repeats: int, command: str) -> Record:
    """Plan a run of empty files by each profile, and again when everything is there.

    Args:
        checkout: of nuweave.
        num_files: sources of the run.
        repeats: how often each is timed.
        command: that repeats this run.
    Raises:
        UserError: it is no checkout, or Snakemake does not plan what it should.
    """
    if not (checkout / "Snakefile").is_file():
        raise UserError(f"bench dag: {checkout}: no Snakefile; start it in the checkout")
    with tempfile.TemporaryDirectory(prefix="nuweave-bench-") as name:
        folder = Path(name)
        lay_out(folder, checkout, num_files)
        plans = time_plans(folder, repeats, expected=rf"\nconvert +{num_files}\n")
        finish(folder)
        reruns = time_plans(folder, repeats, expected=NOTHING)
    return make_record(
        command,
        make_rows(plans, reruns, num_files),
        {"seconds of a plan by profile": plans, "seconds of a plan with nothing to do": reruns},
        packages=("snakemake",),
        notes=["Each time is of a whole `snakemake -n`, start-up included."],
    )


def lay_out(folder: Path, checkout: Path, num_files: int) -> None:
    """Make a working directory for Snakemake: links to the checkout, and empty files as sources of the run `scale`."""
    for name in LINKS:
        (folder / name).symlink_to(checkout / name)
    (folder / "data").mkdir()
    for file in range(num_files):
        (folder / "data" / f"{file:05d}.h5").touch()
    (folder / "scale.yaml").write_text(yaml.safe_dump({"name": "scale", "data_dir": "data"}))


def dry_run(folder: Path, *arguments: str, profile: str = "local") -> str:
    """What `snakemake -n` says in that directory.

    Raises:
        UserError: it ended with an error, or not in time.
    """
    plan = ("-m", "snakemake", "-n", *arguments, "--profile", f"profiles/{profile}")
    try:
        return _snakemake(folder, *plan, limit_s=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise UserError(
            f"bench dag: snakemake -n --profile {profile} takes over {LIMIT_S} s; plan fewer files"
        ) from None


def finish(folder: Path) -> None:
    """Make everything that a run would make, empty, and have Snakemake record it as made by the rules as they are."""
    for names in re.findall(r"Missing output files: ([^;\n]+)", dry_run(folder)):
        for name in names.split(", "):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    many = ("--cores", "1000", "--scheduler", "greedy", "--quiet", "all")
    _snakemake(folder, "-c", TOUCH, "--touch", "--forceall", *many, "--profile", "profiles/local")


def time_plans(folder: Path, repeats: int, *, expected: str) -> dict[str, list[float]]:
    """Seconds of each dry run, by profile.

    Raises:
        UserError: what it says does not match what is expected.
    """
    seconds: dict[str, list[float]] = {profile: [] for profile in PROFILES}
    for _ in range(repeats):
        for profile, times in seconds.items():
            start = time.perf_counter()
            output = dry_run(folder, profile=profile)
            times.append(time.perf_counter() - start)
            if not re.search(expected, output):
                raise UserError(f"bench dag: snakemake -n --profile {profile} does not say {expected!r}; run the tests")
    return seconds


def make_rows(plans: Mapping[str, Sequence[float]], reruns: Mapping[str, Sequence[float]], num_files: int) -> list[Row]:
    """The figures: medians of seconds by profile."""
    return [
        row_with_target(f"{what}, profile {profile}", median(times), "s", TARGET, note)
        for what, seconds, note in (
            (f"planning {num_files:,} source files", plans, "nothing is made yet"),
            ("the same when everything is made", reruns, "records of settings and code are compared"),
        )
        for profile, times in seconds.items()
    ]


def _snakemake(folder: Path, *arguments: str, limit_s: float | None = None) -> str:
    """What a Python process that is Snakemake says; an account stands for what users of a batch system must give.

    Raises:
        UserError: it ended with an error.
    """
    done = subprocess.run(
        [sys.executable, *arguments, "--configfile", "scale.yaml"],
        cwd=folder,
        env={"NUWEAVE_ACCOUNT": "bench", **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit_s,
        check=False,
    )
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
        raise UserError(f"bench dag: snakemake ended with status {done.returncode} ({last[0]}); mend that first")
    return done.stdout
