"""Every launcher's variables lead to the same five."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from nuweave.train.errors import TrainError
from nuweave.train.launch import Place, find_place, launch_environment, slurm_master
from tests.train.watch_program import said, start

HAS_OPEN_MPI = shutil.which("mpiexec.openmpi") is not None or os.environ.get("CI") == "true"  # which installs it
OPEN_MPI = pytest.param("openmpi", "85", marks=pytest.mark.skipif(not HAS_OPEN_MPI, reason="needs apt: openmpi-bin"))
TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
PALS = {"PALS_RANKID": "5", "PALS_LOCAL_RANKID": "1", "PMI_SIZE": "8", "PMI_RANK": "5", "PMI_LOCAL_SIZE": "4"}
OPENMPI = {
    "OMPI_COMM_WORLD_RANK": "5",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
}
MPICH = {"PMI_RANK": "5", "PMI_SIZE": "8", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "4"}
SLURM = {
    "SLURM_PROCID": "5",
    "SLURM_NTASKS": "8",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_ID": "3",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
    "SLURM_JOB_ID": "1001",
    "SLURM_STEP_NODELIST": "nid[001234-001235]",
}
PMI = {"PMI_RANK": "5", "PMI_SIZE": "8", "PMI_LOCAL_RANK": "1", "PMI_LOCAL_SIZE": "4"}


@pytest.mark.parametrize(
    ("launcher", "environment"),
    [
        ("torchrun", TORCHRUN),
        ("pals", PALS),
        ("openmpi", OPENMPI),
        ("mpich", MPICH),
        ("slurm", SLURM),
        ("pmi", PMI),
    ],
)
def test_rank_5_of_8_second_of_4_on_its_node(launcher: str, environment: dict[str, str]) -> None:
    assert find_place(environment) == Place(launcher, rank=5, world_size=8, local_rank=1, local_size=4)


def test_a_process_on_its_own_is_one_of_one() -> None:
    assert find_place({}) == Place("none", rank=0, world_size=1, local_rank=0, local_size=1)


def test_mpiexec_inside_a_slurm_job_is_not_taken_for_srun() -> None:
    batch_script = {"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_LOCALID": "0"}
    assert find_place({**batch_script, **MPICH}).launcher == "mpich"
    assert find_place(batch_script).launcher == "none"


def test_without_a_size_mpi_is_asked() -> None:
    assert find_place({"PALS_RANKID": "5", "PALS_LOCAL_RANKID": "1"}).world_size is None


def test_one_process_sets_all_five() -> None:
    assert launch_environment(find_place({})) == 1
    assert [os.environ[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")] == ["0", "1", "0"]
    assert os.environ["MASTER_ADDR"] == "127.0.0.1"
    assert int(os.environ["MASTER_PORT"]) > 0


def test_slurm_agrees_on_the_first_host_without_a_word_between_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert launch_environment(find_place(os.environ)) == 8
    assert os.environ["MASTER_ADDR"] == "nid001234"
    assert os.environ["MASTER_PORT"] == str(15000 + (1001 * 31 + 3) % 15000)
    assert os.environ["LOCAL_RANK"] == "1"


@pytest.mark.parametrize(
    ("hosts", "first"), [("n1", "n1"), ("n1,n7", "n1"), ("a[07,09-11],b2", "a07"), ("x[1-2]-ib", "x1-ib")]
)
def test_first_host_of_a_slurm_list(hosts: str, first: str) -> None:
    assert slurm_master({"SLURM_JOB_NODELIST": hosts})[0] == first


def test_an_address_that_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "node7.hsn")
    launch_environment(find_place({}))
    assert os.environ["MASTER_ADDR"] == "node7.hsn"


def test_ranks_without_an_address_are_refused() -> None:
    with pytest.raises(TrainError, match="torchrun: MASTER_ADDR and MASTER_PORT is not set"):
        launch_environment(find_place(TORCHRUN))


def test_an_mpi_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(TrainError, match=r"launcher openmpi: mpi4py cannot start \(.*\); put the MPI of this"):
        launch_environment(find_place(OPENMPI))
    assert os.environ["MPI4PY_MPIABI"] == "openmpi"


@pytest.mark.mpi
@pytest.mark.parametrize(("launcher", "status"), [("torchrun", "0"), OPEN_MPI])
def test_ranks_of_another_launcher_meet_and_end_together(launcher: str, status: str) -> None:
    good, bad = start("leave", status, "", launcher=launcher), start("error", "1", "user", launcher=launcher)
    assert good.returncode == int(status), good.stderr
    assert "ranks 0-1: " in good.stderr
    assert bad.returncode == 1
    assert said(bad) == ["nuweave: rank 1: events.h5: event 7 is damaged; write the file again"]
