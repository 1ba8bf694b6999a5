"""Job scripts become lines of qsub, and its words one line; what qstat says becomes one of three words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nuweave.sites import SiteError
from nuweave.sites.pbs import end_start, qsub_command, read_properties, refusal, site_of, status, submit, title
from tests.fakes.cluster import FakePbs
from tests.sites.test_request import site

TRAINING: Mapping[str, Any] = {
    "type": "single",
    "rule": "train",
    "wildcards": {"model": "event_id"},
    "resources": {
        "site": "polaris",
        "account": "neutrinos",
        "queue": "capacity",
        "filesystems": "home:eagle",
        "runtime": 90,
        "nodes": 2,
        "ranks_per_node": 4,
        "gpus_per_node": 4,
    },
}
GROUP = {
    **TRAINING,
    "type": "group",
    "groupid": "files",
    "resources": {**TRAINING["resources"], "queue": "preemptable", "nodes": 1},
}


@pytest.fixture
def pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePbs:
    """Polaris; this process is on its login node."""
    pbs = FakePbs(tmp_path, "polaris")
    monkeypatch.setenv("PATH", pbs.login()["PATH"])
    monkeypatch.setenv("HOME", str(pbs.home))
    monkeypatch.chdir(tmp_path)
    return pbs


def jobscript(directory: Path, properties: Mapping[str, Any], body: str = "true") -> Path:
    path = directory / "job.sh"
    path.write_text(f"#!/bin/bash -l\n# properties = {json.dumps(properties)}\n{body}\n")
    return path


def test_a_training_is_submitted_with_its_nodes_walltime_and_file_systems(tmp_path: Path) -> None:
    command = qsub_command(TRAINING, site("polaris"), tmp_path / "job.sh", {"NUWEAVE_NODES": "2", "HOME": "/home/nu"})
    line = " ".join(command).replace(f"{Path.cwd()}/", "")
    assert line == (
        "qsub -A neutrinos -q capacity -l select=2:system=polaris -l place=scatter -l walltime=01:30:00"
        " -l filesystems=home:eagle -N nw-train -o logs/pbs/ -j oe -k doe -r n"
        f" -v NUWEAVE_NODES=2,NUWEAVE_SITE=polaris,NUWEAVE_WALLTIME_S=5400 {tmp_path}/job.sh"
    )


def test_a_group_is_one_job_of_its_name_and_names_have_at_most_15_characters() -> None:
    assert "nw-files" in qsub_command(GROUP, site("polaris"), Path("job.sh"), {})
    long = {**TRAINING, "rule": "calibrate_detector"}
    assert "nw-calibrate_de" in qsub_command(long, site("polaris"), Path("job.sh"), {})
    assert [title(one) for one in (TRAINING, GROUP)] == ["train (model=event_id)", "group files"]


def test_the_properties_of_a_job_are_read_from_its_script(tmp_path: Path) -> None:
    properties = read_properties(jobscript(tmp_path, TRAINING))
    assert properties == TRAINING
    assert site_of(properties) == "polaris"
    (tmp_path / "other.sh").write_text("true\n")
    with pytest.raises(SiteError, match="no line `# properties"):
        read_properties(tmp_path / "other.sh")
    with pytest.raises(SiteError, match=r"train \(model=event_id\): has no resource `site`"):
        site_of({**TRAINING, "resources": {}})


def test_a_group_that_is_too_long_together_is_refused_before_qsub_is_asked(pbs: FakePbs, tmp_path: Path) -> None:
    long = {**GROUP, "resources": {**GROUP["resources"], "queue": "debug", "runtime": 61}}
    with pytest.raises(SiteError, match="group files: 1 node for 61 min on polaris: queue debug takes"):
        submit(long, site("polaris"), jobscript(tmp_path, long))
    assert not pbs.jobs()


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (
            "qsub: No active allocation found for project nu and resource polaris",
            "hours left, or have this one renewed",
        ),
        ("qsub: Unknown queue", "set NUWEAVE_QUEUE"),
        ("qsub: Invalid filesystem identifiers gila", "set NUWEAVE_FILESYSTEMS"),
        ("qsub: would exceed queue capacity's per-user limit of jobs in 'Q' state", "wait for your jobs there"),
        ("qsub: Job violates queue and/or server resource limits", "fewer nodes or minutes"),
        ("", "qsub said nothing; mend"),
    ],
)
def test_a_refusal_is_one_line_with_the_rule_the_words_of_qsub_and_a_remedy(words: str, remedy: str) -> None:
    line = refusal("train (model=event_id)", words, 1)
    assert line.startswith(f"train (model=event_id): not submitted, exit status 1: {words}")
    assert remedy in line
    assert "\n" not in line


def test_a_refused_job_ends_the_start_that_wanted_it(pbs: FakePbs, tmp_path: Path) -> None:
    pbs.configure(accounts=[])
    with subprocess.Popen(["sleep", "60"]) as start:
        done = subprocess.run(
            [sys.executable, "-m", "nuweave.cli", "pbs", "submit", jobscript(tmp_path, TRAINING)],
            env=os.environ | {"NUWEAVE_START": str(start.pid)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert start.wait(10) == -signal.SIGTERM
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "No active allocation found for project neutrinos" in done.stderr
    end_start({})  # by hand there is none to end


def test_a_job_is_running_until_it_has_finished_and_ends_as_its_script_does(pbs: FakePbs, tmp_path: Path) -> None:
    ends = {}
    for body in ("exit 0", "exit 1"):
        job_id = submit(GROUP, site("polaris"), jobscript(tmp_path, GROUP, f"sleep 0.2; {body}"))
        assert status(job_id) == ("running", "")
        pbs.wait(job_id)
        ends[body] = status(job_id)
    assert ends["exit 0"] == ("success", "")
    assert ends["exit 1"] == (
        "failed",
        "job 2.polaris-pbs-01: Exit_status 1: Job failed; log: logs/pbs/2.polaris-pbs-01.OU",
    )


def test_a_job_killed_at_its_walltime_or_deleted_has_failed(pbs: FakePbs, tmp_path: Path) -> None:
    first, second, third = (submit(GROUP, site("polaris"), jobscript(tmp_path, GROUP, "sleep 60")) for _ in range(3))
    pbs.end_walltime(first)
    subprocess.run(["qdel", second, third], check=True)
    for job_id, why in ((first, "walltime"), (second, "deleted"), (third, "deleted")):
        pbs.wait(job_id)
        found, reason = status(job_id)
        assert found == "failed"
        assert why in reason


def test_a_server_that_does_not_answer_says_nothing_about_the_job(pbs: FakePbs, tmp_path: Path) -> None:
    job_id = submit(GROUP, site("polaris"), jobscript(tmp_path, GROUP))
    pbs.wait(job_id)
    pbs.flap(2)
    assert status(job_id, asks=3, pause_s=0) == ("success", "")
    pbs.flap(3)
    found, reason = status(job_id, asks=3, pause_s=0)
    assert found == "running"
    assert "cannot connect to server" in reason


def test_a_job_that_stays_unknown_has_failed_with_a_word_on_routing_queues(pbs: FakePbs) -> None:
    found, reason = status("77", asks=2, pause_s=0)
    assert found == "failed"
    assert "Unknown Job Id 77.polaris-pbs-01" in reason
    assert "routing queue" in reason
    assert not pbs.jobs()


def test_without_qstat_a_job_is_taken_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert status("77", asks=2, pause_s=0)[0] == "running"
