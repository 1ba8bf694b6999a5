"""Machine, account, queues and the batch system: each mistake is one line with what to do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nuweave.config.cluster import ClusterConfig
from nuweave.sites.doctor import find_site
from nuweave.sites.doctor.batch import (
    COMMANDS,
    check_account,
    check_commands,
    check_end,
    check_machine,
    check_queues,
    check_scheduler,
)
from tests.clone import CHECKOUT
from tests.fakes.cluster import FakePbs
from tests.sites.test_request import site

POLARIS, LOCAL = site("polaris"), site("local")


def test_another_machine_is_refused_with_the_way() -> None:
    assert check_machine(POLARIS, "polaris-login-01", {}).state == "ok"
    check = check_machine(POLARIS, "laptop", {})
    assert check.state == "fail"
    assert "log in to polaris.alcf.anl.gov" in check.found


def test_no_account_is_refused_where_one_is_needed() -> None:
    check = check_account(POLARIS, ClusterConfig())
    assert check.state == "fail"
    assert "export NUWEAVE_ACCOUNT=PROJECT" in check.found
    assert check_account(POLARIS, ClusterConfig(account="nu")).found == "nu, home:eagle"
    assert check_account(LOCAL, ClusterConfig()).found == "none is needed"


def test_an_unknown_queue_is_refused_with_those_that_there_are() -> None:
    check = check_queues(POLARIS, ClusterConfig(queue="fast"))
    assert check.state == "fail"
    assert check.found.startswith("train: polaris has no queue fast; it has debug, debug-scaling, prod,")
    assert check_queues(POLARIS, ClusterConfig()).state == "ok"


def test_missing_commands_are_named() -> None:
    check = check_commands(POLARIS, dict.fromkeys(COMMANDS["pbs"], "/bin/x") | {"qdel": None})
    assert (check.state, check.found) == ("fail", "not on PATH: qdel")
    assert check.remedy == "log in to polaris.alcf.anl.gov"


def test_a_batch_system_is_asked_for_jobs_of_this_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakePbs(tmp_path / "cluster", "polaris")
    monkeypatch.setenv("PATH", cluster.login()["PATH"])
    assert check_scheduler(POLARIS, tmp_path).state == "ok"
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_scheduler(POLARIS, tmp_path)
    assert check.state == "fail"
    assert "qselect" in check.found


def test_the_end_of_the_job_is_told_if_somebody_knows() -> None:
    assert check_end({"NUWEAVE_END_TIME": str(int(time.time()) + 3610)}).found == "in 60 min"
    assert check_end({"PBS_NODEFILE": "/nodes"}).state == "warn"


@pytest.mark.parametrize(
    ("host", "environment", "name"),
    [
        ("polaris-login-01", {}, "polaris"),
        ("nid001234", {}, "perlmutter"),
        ("laptop", {}, "local"),
        ("laptop", {"NUWEAVE_SITE": "slurm"}, "slurm"),
    ],
)
def test_the_site_is_that_of_the_machine(host: str, environment: dict[str, str], name: str) -> None:
    assert find_site(host, environment, CHECKOUT / "profiles").name == name
