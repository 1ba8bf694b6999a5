"""envs/SITE.sh, as the shell of a rule sources it: `set -euo pipefail` before, one line where something is missing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.clone import CHECKOUT
from tests.fakes.cluster import FakePbs


def sourced(site: str, environment: dict[str, str], show: str = "") -> subprocess.CompletedProcess[str]:
    """Source the script of a site, then print variables."""
    script = f"set -euo pipefail; source {CHECKOUT}/envs/{site}.sh; echo {show}"
    return subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def with_modules(directory: Path, *modules: str) -> dict[str, str]:
    """The environment of a login node that has these modules."""
    cluster = FakePbs(directory, "polaris")
    cluster.configure(modules=list(modules))
    return cluster.login()


def test_polaris_gives_each_rank_the_gpu_near_its_cores_and_nccl_its_network(tmp_path: Path) -> None:
    environment = with_modules(tmp_path, "conda")
    done = sourced("polaris", environment, "$CUDA_VISIBLE_DEVICES $NCCL_NET")
    assert (done.returncode, done.stdout) == (0, "3,2,1,0 AWS Libfabric\n"), done.stderr
    without = sourced("polaris", environment | {"NUWEAVE_NCCL_OFI": "0"}, "${NCCL_NET:-none} $NCCL_CROSS_NIC")
    assert without.stdout == "none 1\n"


def test_aurora_makes_tiles_devices_and_meets_on_the_fast_network_where_there_is_one(tmp_path: Path) -> None:
    environment = with_modules(tmp_path, "frameworks")
    nodes = tmp_path / "nodes"
    nodes.write_text("x4102c5s2b0n0.hostmgmt\nx4102c5s3b0n0.hostmgmt\n")
    names = tmp_path / "bin/getent"  # the name service of the machine
    names.write_text('#!/bin/sh\n[ "$*" = "hosts x4102c5s2b0n0.hsn.cm.aurora.alcf.anl.gov" ]\n')
    names.chmod(0o755)
    done = sourced("aurora", environment | {"PBS_NODEFILE": str(nodes)}, "$ZE_FLAT_DEVICE_HIERARCHY $MASTER_ADDR")
    assert (done.returncode, done.stdout) == (0, "FLAT x4102c5s2b0n0.hsn.cm.aurora.alcf.anl.gov\n"), done.stderr
    assert sourced("aurora", environment, "${MASTER_ADDR:-none}").stdout == "none\n"


@pytest.mark.parametrize(
    ("site", "module"), [("polaris", "conda"), ("aurora", "frameworks"), ("perlmutter", "pytorch")]
)
def test_a_missing_module_is_named_and_nothing_goes_on(tmp_path: Path, site: str, module: str) -> None:
    done = sourced(site, with_modules(tmp_path, "gcc"), "went on")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("nuweave: ")]
    assert line == (
        f"nuweave: envs/{site}.sh: module {module} does not load; 'module avail {module}' lists what is there; "
        f"mend envs/{site}.sh"
    )


@pytest.mark.parametrize("site", ["polaris", "aurora", "perlmutter"])
def test_a_machine_without_modules_is_told_so(site: str) -> None:
    done = sourced(site, {"PATH": os.defpath}, "went on")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"nuweave: envs/{site}.sh: there is no command 'module' on ")
    assert done.stderr.count("\n") == 1


def test_a_cluster_of_ones_own_starts_from_an_empty_script() -> None:
    assert sourced("slurm", {"PATH": os.defpath}, "went on").stdout == "went on\n"
