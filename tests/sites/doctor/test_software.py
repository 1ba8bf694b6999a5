"""What the doctor says about Python, packages, modules, devices and ranks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nuweave.sites import activation
from nuweave.sites.doctor.check import Answer, ask
from nuweave.sites.doctor.software import (
    check_devices,
    check_modules,
    check_packages,
    check_python,
    check_ranks,
    in_shell,
    installed_version,
    ranks_command,
    read_requirements,
    without_job,
)
from tests.clone import CHECKOUT
from tests.fakes.cluster import FakePbs
from tests.sites.test_request import site

POLARIS, LOCAL = site("polaris"), site("local")


def said(stdout: str = "", *, status: int | None = 0, stderr: str = "") -> Answer:
    return Answer(status, stdout, stderr, 0.5)


def devices(number: int, kind: str = "cuda") -> Answer:
    return said(json.dumps(["2.13.0", kind, number]))


def test_the_packages_of_this_environment_are_those_that_the_project_names() -> None:
    python, packages = read_requirements(CHECKOUT / "pyproject.toml")
    assert check_python(python, "3.11.7", "python").state == "ok"
    assert check_packages(packages, installed_version).state == "ok"


def test_an_old_python_is_refused() -> None:
    check = check_python(">=3.11", "3.9.18", "/usr/bin/python3")
    assert (check.state, check.found) == ("fail", "3.9.18, /usr/bin/python3; nuweave needs >=3.11")


def test_missing_packages_fail_and_other_versions_are_told() -> None:
    have = {"torch": "2.10.0+xpu", "h5py": "3.16"}
    check = check_packages(["torch==2.13.0", "h5py>=3.12", "mpi4py>=4.1"], have.get)
    assert (check.state, check.found, check.remedy) == ("fail", "missing: mpi4py", "pip install mpi4py")
    check = check_packages(["torch==2.13.0", "h5py>=3.12"], have.get)
    assert (check.state, check.found) == ("warn", "other versions: torch 2.10.0+xpu (wanted ==2.13.0)")


def test_a_missing_module_is_told_by_the_script_of_the_site(tmp_path: Path) -> None:
    cluster = FakePbs(tmp_path, "polaris")
    before = activation(POLARIS, CHECKOUT, Path(sys.executable))
    assert check_modules(POLARIS, ask(in_shell(before, ["true"]), cluster.login(), 60.0)).state == "ok"
    cluster.configure(modules=["gcc"])
    check = check_modules(POLARIS, ask(in_shell(before, ["true"]), cluster.login(), 60.0))
    assert check.state == "fail"
    assert check.found == (
        "envs/polaris.sh: module conda does not load; 'module avail conda' lists what is there; mend envs/polaris.sh"
    )


@pytest.mark.parametrize(
    ("number", "in_job", "state"),
    [(4, True, "ok"), (4, False, "ok"), (0, False, "skip"), (0, True, "fail"), (1, True, "warn")],
)
def test_devices_are_compared_with_those_of_a_node(number: int, in_job: bool, state: str) -> None:
    assert check_devices(POLARIS, devices(number), in_job=in_job).state == state


def test_one_machine_has_the_devices_that_it_has() -> None:
    for number in (0, 3):
        assert check_devices(LOCAL, devices(number), in_job=False).state == "ok"


def test_a_torch_that_cannot_be_imported_says_why() -> None:
    check = check_devices(
        LOCAL, said(status=1, stderr="Traceback\n  ...\nImportError: libcudart.so.12: no file\n"), in_job=False
    )
    assert (check.state, check.found) == ("fail", "torch does not say: ImportError: libcudart.so.12: no file")


@pytest.mark.mpi
def test_two_ranks_meet_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)  # profiles/ is there
    before = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT / "src")}
    check = check_ranks(LOCAL, ask(ranks_command(LOCAL, ""), before, 60.0))
    assert (check.state, check.found[:12]) == ("ok", "2 by mpiexec"), check


def test_ranks_that_do_not_meet_fail() -> None:
    assert check_ranks(POLARIS, said("2\n")).state == "ok"
    check = check_ranks(POLARIS, said("1\n1\n"))
    assert (check.state, check.found) == ("fail", "pals started 2 ranks that see 1 and 1 in all")
    assert check_ranks(POLARIS, said(status=None, stderr="no answer within 120 s")).found == (
        "pals does not start 2 ranks: no answer within 120 s"
    )


def test_ranks_need_a_job_where_there_is_a_batch_system() -> None:
    assert without_job(LOCAL, {}) == ""
    assert without_job(POLARIS, {"PBS_JOBID": "1.polaris"}) == ""
    assert without_job(POLARIS, {}) == "not in a job; to look there: qsub -I, then nuweave doctor --site polaris"
    assert "salloc" in without_job(site("perlmutter"), {})
