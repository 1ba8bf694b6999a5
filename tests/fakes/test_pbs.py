"""The stand-in for PBS Pro refuses what the ALCF refuses, and its jobs live and end as jobs do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.cluster import FakePbs, wait_until

OPTIONS = {
    "-A": "neutrinos",
    "-q": "debug",
    "-l": "select=1:system=polaris",
    "-l walltime": "walltime=00:10:00",
    "-l filesystems": "filesystems=home:eagle",
}


@pytest.fixture
def pbs(tmp_path: Path) -> Iterator[FakePbs]:
    pbs = FakePbs(tmp_path, "polaris")
    yield pbs
    pbs.close()


def call(pbs: FakePbs, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=pbs.login(), cwd=pbs.home.parent, capture_output=True, text=True, check=False, timeout=30
    )


def qsub(pbs: FakePbs, body: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Submit a script; options are those of OPTIONS, changed; an empty one is left out."""
    script = pbs.home / "job.sh"
    script.write_text(f"#!/bin/bash -l\n{body}\n")
    given = OPTIONS | {f"-{name.replace('_', ' ')}": value for name, value in options.items()}
    parts = [part for flag, value in given.items() if value for part in (flag.split()[0], value)]
    return call(pbs, "qsub", *parts, str(script))


def submit(pbs: FakePbs, body: str, **options: str) -> str:
    done = qsub(pbs, body, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"A": ""}, "account_name is required to be set"),
        ({"l_walltime": ""}, "walltime is required to be set"),
        ({"l_filesystems": ""}, "filesystems is required to be set"),
        ({"A": "ended"}, "No active allocation found for project ended and resource polaris"),
        ({"l_filesystems": "filesystems=gila"}, "Invalid filesystem identifiers gila"),
        ({"q": "small"}, "Unknown queue"),
        ({"q": "prod"}, "Job violates queue and/or server resource limits"),
        ({"l": "select=3"}, "Job violates queue and/or server resource limits"),
        ({"l_walltime": "walltime=01:00:01"}, "Job violates queue and/or server resource limits"),
        ({"N": "longer_than_that"}, "illegal -N value"),
    ],
)
def test_what_the_site_refuses_is_refused_in_its_words_and_leaves_nothing(
    pbs: FakePbs, changed: dict[str, str], words: str
) -> None:
    done = qsub(pbs, "true", **changed)
    assert done.returncode != 0
    assert done.stderr == f"qsub: {words}\n"
    assert not pbs.jobs()


def test_debug_scaling_takes_one_job_of_a_user(pbs: FakePbs) -> None:
    submit(pbs, "sleep 30", q="debug-scaling")
    assert "would exceed queue debug-scaling's per-user limit" in qsub(pbs, "true", q="debug-scaling").stderr


def test_prod_routes_by_size(pbs: FakePbs) -> None:
    job_id = submit(pbs, "true", q="prod", l="select=25")
    assert pbs.jobs()[job_id]["queue"] == "medium"
    assert pbs.jobs()[job_id]["job_state"] == "Q"  # there are not so many nodes


def test_a_job_gets_a_clean_environment_its_nodes_and_starts_at_home(pbs: FakePbs) -> None:
    job_id = submit(
        pbs, "env; pwd; cat $PBS_NODEFILE", l="select=2", v="NUWEAVE_SITE=polaris", o=f"{pbs.home}/", j="oe"
    )
    job = pbs.wait(job_id)
    assert (job["Exit_status"], job["Resource_List"]["nodect"]) == (0, 2)
    said = (pbs.home / f"{job_id}.OU").read_text().splitlines()
    assert {"NUWEAVE_SITE=polaris", f"PBS_JOBID={job_id}", f"PBS_O_WORKDIR={pbs.home.parent}"} <= set(said)
    assert not any(line.startswith("PYTEST_") for line in said)
    assert said[-3:] == [str(pbs.home), "x3001c0s0b0n0", "x3001c0s1b0n0"]


def test_states_and_exit_status_are_told_as_qstat_tells_them(pbs: FakePbs) -> None:
    job_id = submit(pbs, "exit 7")
    pbs.wait(job_id)
    assert call(pbs, "qstat", "-f", "-F", "json", job_id).returncode == 35
    (job,) = json.loads(call(pbs, "qstat", "-x", "-f", "-F", "json", job_id).stdout)["Jobs"].values()
    assert (job["job_state"], job["Exit_status"], job["Resource_List"]["walltime"]) == ("F", 7, "00:10:00")
    unknown = call(pbs, "qstat", "-x", "-f", "-F", "json", "77")
    assert (unknown.returncode, unknown.stderr) == (153, "qstat: Unknown Job Id 77.polaris-pbs-01\n")


def test_jobs_wait_for_nodes_and_qselect_names_those_that_live(pbs: FakePbs) -> None:
    first, second, third = (submit(pbs, "sleep 30", l="select=2") for _ in range(3))
    pbs.wait(first, "R")
    pbs.wait(second, "R")
    assert pbs.jobs()[third]["job_state"] == "Q"
    user = pbs.jobs()[first]["Job_Owner"].split("@")[0]
    assert call(pbs, "qselect", "-u", user).stdout.split() == [first, second, third]
    assert call(pbs, "qdel", second, third).returncode == 0
    assert pbs.wait(second)["Exit_status"] == 271
    assert "Exit_status" not in pbs.wait(third)
    assert call(pbs, "qselect", "-u", user).stdout.split() == [first]


def test_at_the_end_of_the_walltime_all_processes_end_those_that_do_not_listen_later(pbs: FakePbs) -> None:
    pbs.configure(kill_delay_s=0.5)
    mark = pbs.home / "mark"
    body = f"trap 'touch {mark}' TERM; setsid sleep 977 & while true; do sleep 0.1; done"
    job_id = submit(pbs, body, l_walltime="walltime=00:00:01")
    assert pbs.wait(job_id)["Exit_status"] == -29
    assert mark.exists()
    wait_until(lambda: not living(b"977"), 5)


def living(argument: bytes) -> list[Path]:
    """Processes with an argument."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [process] if argument in process.read_bytes().split(b"\0") else []
        except OSError:
            continue
    return found


def test_a_job_whose_log_has_no_directory_is_held(pbs: FakePbs) -> None:
    job_id = submit(pbs, "true", o="/nowhere/logs/")
    assert "too many failed attempts" in pbs.wait(job_id, "H")["comment"]
    call(pbs, "qdel", job_id)
    assert pbs.jobs()[job_id]["job_state"] == "F"
