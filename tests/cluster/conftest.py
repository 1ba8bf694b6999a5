"""Batch systems for tests: a real Slurm on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("slurm.sh")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Slurm of two nodes, n1 and n2, where its programs look for one.

    Without root or apt-get it is a failure in CI, a reason to skip elsewhere.
    """
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must be root on Debian: tests/cluster/slurm.sh installs and starts Slurm")
        pytest.skip("needs root on Debian: tests/cluster/slurm.sh installs and starts Slurm")
    directory = tmp_path_factory.mktemp("slurm")
    try:
        subprocess.run([SCRIPT, "start", directory], check=True)
        yield
    finally:
        subprocess.run([SCRIPT, "stop", directory], check=True)
