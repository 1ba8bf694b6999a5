"""The launch line, option by option."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from nuweave.sites import SiteError, find_program, launch_line
from tests.sites.test_request import site

IN_JOB = {"PBS_NODEFILE": "/var/spool/nodes"}


def line(name: str, nodes: int, ranks_per_node: int, gpus: int, environment: dict[str, str] | None = None) -> str:
    parts: Sequence[str] = launch_line(
        site(name),
        ["nuweave", "train"],
        nodes=nodes,
        ranks_per_node=ranks_per_node,
        gpus_per_node=gpus,
        environment=environment or {},
    )
    return " ".join(parts)


def test_polaris_binds_eight_cores_to_each_of_four_ranks() -> None:
    assert line("polaris", 2, 4, 4, IN_JOB) == (
        "mpiexec -n 8 --ppn 4 --depth=8 --cpu-bind=depth --envall --hostfile /var/spool/nodes nuweave train"
    )


def test_aurora_binds_a_rank_beside_its_tile() -> None:
    assert line("aurora", 1, 2, 2, IN_JOB) == (
        "mpiexec -n 2 --ppn 2 --cpu-bind=list:4-7:8-11 --envall --hostfile /var/spool/nodes nuweave train"
    )
    assert "--cpu-bind=list:4-7:8-11:12-15:" in line("aurora", 1, 12, 12, IN_JOB)
    assert "--depth=4 --cpu-bind=depth" in line("aurora", 1, 24, 12, IN_JOB)  # two ranks a tile


def test_srun_is_told_everything_as_it_inherits_nothing() -> None:
    assert line("perlmutter", 2, 4, 4) == (
        "srun --nodes=2 --ntasks=8 --ntasks-per-node=4 --cpus-per-task=32 --gpus-per-node=4 --cpu-bind=cores "
        "--kill-on-bad-exit=1 nuweave train"
    )


def test_one_rank_in_a_slurm_job_is_not_started_twice() -> None:
    assert line("perlmutter", 1, 1, 1) == "nuweave train"


def test_one_machine_uses_mpiexec() -> None:
    assert line("local", 1, 3, 0) == "mpiexec -n 3 nuweave train"


def test_outside_of_a_job_pals_is_not_started() -> None:
    with pytest.raises(SiteError, match="PBS_NODEFILE is not set here"):
        line("polaris", 1, 4, 4)


@pytest.mark.mpi
def test_the_command_prints_the_line_and_tells_the_ranks_how_many_they_are() -> None:
    program = 'import os; os.write(1, "{PMI_RANK} {NUWEAVE_RANKS}\\n".format(**os.environ).encode())'  # in one piece
    command = [
        sys.executable,
        "-m",
        "nuweave.cli",
        "launch",
        "--ranks-per-node",
        "2",
        "--",
        sys.executable,
        "-c",
        program,
    ]
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == ["0 2", "1 2"]
    assert done.stderr.startswith("nuweave: mpiexec -n 2 ")


def test_pals_is_never_the_mpiexec_beside_python(tmp_path: Path) -> None:
    python, system = tmp_path / "venv/bin/python", tmp_path / "pals/mpiexec"
    for file in (python, python.parent / "mpiexec", system):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    both = {"PATH": f"{python.parent}:{system.parent}"}
    assert find_program(site("polaris"), "mpiexec", both, python) == str(system)
    assert find_program(site("local"), "mpiexec", both, python) == str(python.parent / "mpiexec")
    with pytest.raises(SiteError, match=r"polaris: mpiexec is not on PATH; load .*envs/polaris\.sh"):
        find_program(site("polaris"), "mpiexec", {"PATH": str(python.parent)}, python)
