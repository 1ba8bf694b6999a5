"""Every launcher's variables lead to the same five."""

from __future__ import annotations

import os
import shutil

import pytest

from nuweave.ranks import find_place
from nuweave.train.errors import TrainError
from nuweave.train.launch import launch_environment, slurm_master
from tests.ranks.test_place import SLURM, TORCHRUN
from tests.train.watch_program import said, start

HAS_OPEN_MPI = shutil.which("mpiexec.openmpi") is not None or os.environ.get("CI") == "true"  # which installs it
OPEN_MPI = pytest.param("openmpi", "85", marks=pytest.mark.skipif(not HAS_OPEN_MPI, reason="needs apt: openmpi-bin"))


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


@pytest.mark.mpi
@pytest.mark.parametrize(("launcher", "status"), [("torchrun", "0"), OPEN_MPI])
def test_ranks_of_another_launcher_meet_and_end_together(launcher: str, status: str) -> None:
    good, bad = start("leave", status, "", launcher=launcher), start("error", "1", "user", launcher=launcher)
    assert good.returncode == int(status), good.stderr
    assert "ranks 0-1: " in good.stderr
    assert bad.returncode == 1
    assert said(bad) == ["nuweave: rank 1: events.h5: event 7 is damaged; write the file again"]
