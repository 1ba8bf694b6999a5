"""One run of the small DAG, shared by the tests of the workflow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clone import CHECKOUT, link_clone

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def snakemake(tmp_path_factory: pytest.TempPathFactory) -> Snakemake:
    """Run snakemake on the small configuration, in a directory of its own that links to the checkout.

    The returned function takes the arguments, `check=False` where a failure is expected, and environment variables.
    """
    directory = link_clone(tmp_path_factory.mktemp("workflow"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(
        *arguments: str, configfile: str = "tests/workflow/config.yaml", check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        command = ["snakemake", *arguments, "--profile", "profiles/local", "--configfile", str(CHECKOUT / configfile)]
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    run.directory = directory  # type: ignore[attr-defined]
    return run


@pytest.fixture(scope="session")
def small(snakemake: Snakemake) -> Path:
    """The finished small run; its root directory."""
    snakemake()
    root: Path = snakemake.directory / "results" / "small"  # type: ignore[attr-defined]
    return root
