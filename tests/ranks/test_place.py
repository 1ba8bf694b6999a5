"""Every launcher's variables say the same."""

from __future__ import annotations

import pytest

from nuweave.ranks import Place, find_place

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
