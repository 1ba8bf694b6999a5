"""The end of a job as schedulers state it."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime
from pathlib import Path

import pytest

from nuweave.sites.job_end import job_end


def scheduler(directory: Path, command: str, answer: str, *, status: int = 0) -> None:
    """A command that gives an answer."""
    script = directory / command
    (directory / "answer").write_text(answer)
    script.write_text(f"#!/bin/sh\ncat {directory / 'answer'}\nexit {status}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is first in PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_outside_a_job_there_is_no_end() -> None:
    assert job_end({}) is None


def test_a_stated_time_is_taken_ours_first() -> None:
    assert job_end({"SLURM_JOB_END_TIME": "1700000000", "SLURM_JOB_ID": "7"}) == 1.7e9
    assert job_end({"NUWEAVE_END_TIME": "1600000000", "SLURM_JOB_END_TIME": "1700000000"}) == 1.6e9


def test_squeue_is_asked_where_slurm_does_not_say(path: Path) -> None:
    scheduler(path, "squeue", "2026-11-23T18:00:00\n")
    assert job_end({"SLURM_JOB_ID": "7"}) == datetime(2026, 11, 23, 18).timestamp()


def test_qstat_states_start_and_walltime(path: Path) -> None:
    job = {"stime": "Mon Nov 23 16:30:00 2026", "Resource_List": {"walltime": "01:15:30"}}
    scheduler(path, "qstat", json.dumps({"Jobs": {"7.polaris": job}}))
    assert job_end({"PBS_JOBID": "7.polaris"}) == datetime(2026, 11, 23, 17, 45, 30).timestamp()


@pytest.mark.parametrize("answer", ["", "NONE", "N/A", "{}", '{"Jobs": {"7": {}}}', '{"Jobs": {}}'])
@pytest.mark.parametrize(("command", "variable"), [("squeue", "SLURM_JOB_ID"), ("qstat", "PBS_JOBID")])
def test_an_answer_that_says_nothing_is_no_end(path: Path, command: str, variable: str, answer: str) -> None:
    scheduler(path, command, answer)
    assert job_end({variable: "7"}) is None


def test_a_scheduler_that_fails_or_is_absent_is_no_end(path: Path) -> None:
    scheduler(path, "squeue", "2026-11-23T18:00:00", status=1)
    assert job_end({"SLURM_JOB_ID": "7"}) is None
    assert job_end({"PBS_JOBID": "7"}) is None
