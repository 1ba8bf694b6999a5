"""The stand-ins for mpiexec of PALS and for Lmod: real ranks on named nodes, and refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.cluster import FakePbs

PROGRAM = """
import os, sys
from mpi4py import MPI
world = MPI.COMM_WORLD
names = ("PALS_RANKID", "PALS_LOCAL_RANKID", "PALS_NODEID", "PMI_LOCAL_SIZE", "GIVEN")
found = world.gather([world.rank, *(os.environ.get(name) for name in names)])
if world.rank == 0:
    import json
    print(json.dumps(found))
"""


@pytest.fixture
def pbs(tmp_path: Path) -> FakePbs:
    pbs = FakePbs(tmp_path, "polaris")
    (tmp_path / "nodes").write_text("x1\nx2\n")
    return pbs


def mpiexec(pbs: FakePbs, *options: str) -> subprocess.CompletedProcess[str]:
    environment = pbs.login() | {"PBS_NODEFILE": str(pbs.home.parent / "nodes"), "GIVEN": "1"}
    command = [str(pbs.bin / "mpiexec"), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.mpi
def test_ranks_are_real_and_know_node_and_place_in_the_words_of_pals(pbs: FakePbs) -> None:
    options = ["-n", "4", "--ppn", "2", "--depth=8", "--cpu-bind=depth", "--envall"]
    done = mpiexec(pbs, *options, sys.executable, "-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [0, "0", "0", "0", "2", "1"],
        [1, "1", "1", "0", "2", "1"],
        [2, "2", "0", "1", "2", "1"],
        [3, "3", "1", "1", "2", "1"],
    ]
    (launch,) = pbs.launches()
    assert (launch["n"], launch["ppn"], launch["hosts"], launch["cpu_bind"]) == (4, 2, ["x1", "x2"], "depth")


def test_without_envall_a_rank_has_nothing_of_the_environment(pbs: FakePbs) -> None:
    assert "GIVEN" not in mpiexec(pbs, "-n", "1", "--ppn", "1", "env").stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-n 5 --ppn 2 true", "5 ranks do not fit 2 hosts with 2 each"),
        ("-n 2 --ppn 2 --cpu-bind=list:0-3 true", "no entry for each of 2 ranks"),
        ("-n 2 --ppn 2 --cpu-bind=sockets true", "invalid cpu-bind sockets"),
        ("-n 2 --ppn 2 --gpus 2 true", "unrecognized arguments: --gpus"),
        ("-n 2 true", "--ppn"),
    ],
)
def test_other_options_and_ranks_that_do_not_fit_are_refused(pbs: FakePbs, options: str, words: str) -> None:
    done = mpiexec(pbs, *options.split())
    assert done.returncode != 0
    assert words in done.stderr
    assert not pbs.launches()


def test_a_module_that_is_not_there_is_named_as_lmod_does(pbs: FakePbs) -> None:
    module = str(pbs.bin / "module")
    assert subprocess.run([module, "load", "conda"], check=False).returncode == 0
    done = subprocess.run([module, "load", "anaconda"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'The following module(s) are unknown: "anaconda"' in done.stderr
