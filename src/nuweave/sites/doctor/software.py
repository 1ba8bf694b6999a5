"""Python and its packages, modules, devices, ranks: what the rules need of a machine's software."""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from nuweave.config.site import SiteConfig
from nuweave.sites.doctor.check import Answer, Check

SHOWN = ("torch", "deepspeed", "mpi4py", "h5py", "snakemake")
DEVICES = (
    "import json, torch; found = [kind for kind in ('cuda', 'xpu') if getattr(torch, kind).is_available()]; "
    "print(json.dumps([torch.__version__, found[0] if found else 'cpu', "
    "getattr(torch, found[0]).device_count() if found else 0]))"
)
NUM_RANKS = 2


def check_python(wanted: str, found: str, program: str) -> Check:
    """Python itself: `wanted` as >=3.11, `found` as 3.11.2."""
    if found in SpecifierSet(wanted):
        return Check("python", "ok", f"{found}, {program}")
    return Check("python", "fail", f"{found}, {program}; nuweave needs {wanted}", "make the environment with another")


def check_packages(requirements: Sequence[str], installed: Callable[[str], str | None]) -> Check:
    """The packages that pyproject.toml names; one of another version may do, as the torch of a site's module.

    Args:
        requirements: as torch==2.13.0.
        installed: version of a package; None if it is absent.
    """
    wanted = {Requirement(one).name: Requirement(one).specifier for one in requirements}
    have = {name: installed(name) for name in wanted}
    if missing := [name for name, found in have.items() if found is None]:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    other = [
        f"{name} {have[name]} (wanted {specifier})"
        for name, specifier in wanted.items()
        if not specifier.contains(str(have[name]), prereleases=True)
    ]
    if other:
        remedy = "right where a module of the site brings it; else pip install --editable ."
        return Check("packages", "warn", f"other versions: {', '.join(other)}", remedy)
    shown = ", ".join(f"{name} {have[name]}" for name in SHOWN if name in have)
    return Check("packages", "ok", f"all {len(have)}; {shown}")


def read_requirements(pyproject: Path) -> tuple[str, list[str]]:
    """The Python and the packages that the project needs."""
    project = tomllib.loads(pyproject.read_text())["project"]
    return str(project["requires-python"]), list(project["dependencies"])


def installed_version(name: str) -> str | None:
    """Version of a package, without importing it; None if it is absent."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_modules(site: SiteConfig, answer: Answer) -> Check:
    """Whether envs/SITE.sh could be sourced."""
    if answer.status == 0:
        return Check("modules", "ok", f"envs/{site.name}.sh in {answer.seconds:.1f} s")
    return Check("modules", "fail", answer.why, f"to try it: bash -c 'source envs/{site.name}.sh'")


def devices_command(activation: str) -> list[str]:
    """Ask torch for its devices, in the environment of the rules."""
    return in_shell(activation, [sys.executable, "-c", DEVICES])


def check_devices(site: SiteConfig, answer: Answer, *, in_job: bool) -> Check:
    """What torch sees, beside what a node of the site has; login nodes may have none."""
    if answer.status != 0:
        return Check("devices", "fail", f"torch does not say: {answer.why}", "python -c 'import torch' tells more")
    torch, kind, number = json.loads(answer.stdout.splitlines()[-1])
    found = f"{number} ({kind}), torch {torch} in {answer.seconds:.1f} s"
    if site.node.gpus in (0, number):
        return Check("devices", "ok", found)
    found += f"; a node of {site.name} has {site.node.gpus}"
    if not in_job:
        return Check("devices", "skip", f"{found}, this is not in a job")
    if number == 0:
        return Check("devices", "fail", found, "take the torch of the site's module, and a job with devices")
    return Check("devices", "warn", found, f"right if the job asked for {number}; else see CUDA_VISIBLE_DEVICES")


def ranks_command(site: SiteConfig, activation: str) -> list[str]:
    """Start two ranks as the training does."""
    launch = ("-m", "nuweave.cli", "launch", "--site", site.name, "--ranks-per-node", str(NUM_RANKS), "--")
    return in_shell(activation, [sys.executable, *launch, sys.executable, "-m", "nuweave.sites.doctor.rank"])


def check_ranks(site: SiteConfig, answer: Answer) -> Check:
    """Whether all ranks were there."""
    remedy = f"load the MPI of the site in envs/{site.name}.sh" if site.scheduler != "none" else "see docs/training.md"
    if answer.status != 0:
        return Check("ranks", "fail", f"{site.launcher} does not start {NUM_RANKS} ranks: {answer.why}", remedy)
    number = " and ".join(answer.stdout.split())
    if number != str(NUM_RANKS):
        return Check("ranks", "fail", f"{site.launcher} started {NUM_RANKS} ranks that see {number} in all", remedy)
    return Check("ranks", "ok", f"{NUM_RANKS} by {site.launcher} in {answer.seconds:.1f} s")


def without_job(site: SiteConfig, environment: Mapping[str, str]) -> str:
    """How to get into a job, where the launcher needs one and this is none; else nothing."""
    if site.scheduler == "none" or is_in_job(environment):
        return ""
    interactive = "qsub -I" if site.scheduler == "pbs" else "salloc"
    return f"not in a job; to look there: {interactive}, then nuweave doctor --site {site.name}"


def is_in_job(environment: Mapping[str, str]) -> bool:
    """Whether this is a compute node."""
    return "PBS_JOBID" in environment or "SLURM_JOB_ID" in environment


def in_shell(activation: str, command: Sequence[str]) -> list[str]:
    """A command as the shell of a rule runs it."""
    return ["bash", "-c", f"{activation}{shlex.join(command)}"]
