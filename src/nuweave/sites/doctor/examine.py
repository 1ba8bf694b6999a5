"""All that the doctor looks at, in the order in which one would mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nuweave.config.cluster import ClusterConfig
from nuweave.config.site import LOCAL, PROFILES, SiteConfig, load_site
from nuweave.sites.activation import activation
from nuweave.sites.doctor import batch, disk, software
from nuweave.sites.doctor.check import Check, ask
from nuweave.sites.machine import SITE, is_here

MODULES_S, TORCH_S, RANKS_S, DISK_S = 120.0, 300.0, 120.0, 60.0  # file systems of many users can be slow
ANY_HOST = (".*",)


@dataclass(frozen=True)
class Patient:
    """What is looked at.

    Attributes:
        results: where a run would write.
        root: of the clone.
        host: name of this machine.
    """

    site: SiteConfig
    cluster: ClusterConfig
    results: Path
    root: Path
    host: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def scratch(self) -> Path:
        """Of this machine."""
        return Path(self.environment.get("TMPDIR") or "/tmp")


def find_site(host: str, environment: Mapping[str, str], profiles: Path = PROFILES) -> SiteConfig:
    """The site that this machine belongs to: the one that the environment names, or whose hosts it is among."""
    if name := environment.get(SITE):
        return load_site(name, profiles)
    sites = [load_site(path.parent.name, profiles) for path in sorted(profiles.glob("*/site.yaml"))]
    fitting = (site for site in sites if site.hosts != ANY_HOST and is_here(site, host, environment))
    return next(fitting, None) or load_site(LOCAL, profiles)


def examine(patient: Patient) -> Iterator[Check]:
    """One check after the other, each as soon as it is done."""
    site, cluster = patient.site, patient.cluster
    yield batch.check_machine(site, patient.host, patient.environment)
    yield batch.check_account(site, cluster)
    yield batch.check_queues(site, cluster)
    if site.scheduler != "none":
        yield from _scheduler(patient)
    yield from _software(patient)
    yield _directory(patient, "results", patient.results, "write elsewhere: snakemake --config results=DIRECTORY")
    yield _directory(patient, "scratch", patient.scratch, "export TMPDIR=DIRECTORY")


def _scheduler(patient: Patient) -> Iterator[Check]:
    path = patient.environment.get("PATH", "")
    places = {name: shutil.which(name, path=path) for name in batch.COMMANDS[patient.site.scheduler]}
    commands = batch.check_commands(patient.site, places)
    yield commands
    if commands.state == "ok":
        yield batch.check_scheduler(patient.site, patient.root)
    else:
        yield Check("scheduler", "skip", "its commands are missing")
    if software.is_in_job(patient.environment):
        yield batch.check_end(patient.environment)


def _software(patient: Patient) -> Iterator[Check]:
    site, environment = patient.site, patient.environment
    python, packages = software.read_requirements(patient.root / "pyproject.toml")
    yield software.check_python(python, platform.python_version(), sys.executable)
    yield software.check_packages(packages, software.installed_version)
    before = activation(site, patient.root, Path(sys.executable))
    if before:
        modules = software.check_modules(site, ask(software.in_shell(before, ["true"]), environment, MODULES_S))
        yield modules
        if modules.state != "ok":
            yield Check("devices", "skip", "modules do not load")
            yield Check("ranks", "skip", "modules do not load")
            return
    devices = ask(software.devices_command(before), environment, TORCH_S)
    yield software.check_devices(site, devices, in_job=software.is_in_job(environment))
    if why := software.without_job(site, environment):
        yield Check("ranks", "skip", why)
    else:
        yield software.check_ranks(site, ask(software.ranks_command(site, before), environment, RANKS_S))


def _directory(patient: Patient, name: str, directory: Path, elsewhere: str) -> Check:
    place = disk.nearest(directory)
    return disk.check_disk(name, place, ask(disk.disk_command(place), patient.environment, DISK_S), elsewhere)
