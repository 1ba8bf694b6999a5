"""Slurm is asked whether it would take the jobs; its words are told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.config.cluster import ClusterConfig
from nuweave.config.train import TrainConfig
from nuweave.sites import SiteError, plan, require_accepted, to_resources
from nuweave.sites.request import Resource
from nuweave.sites.slurm import trial_command
from tests.sites.test_request import site

SBATCH = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *--account=ended*)
    echo "allocation failure: Invalid account or account/partition combination specified" >&2
    exit 1
esac
echo "sbatch: Job 7 to start at 2026-11-24T02:00:00 using 64 processors on nodes n1 in partition debug" >&2
"""


def training(account: str, nodes: int) -> dict[str, Resource]:
    perlmutter = site("perlmutter")
    cluster = ClusterConfig(account=account, nodes=nodes)
    return to_resources(perlmutter, "train", plan(perlmutter, "train", cluster, TrainConfig()))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What sbatch was asked; a stand-in that refuses one account."""
    program = tmp_path / "sbatch"
    program.write_text(SBATCH.format(log=tmp_path / "log"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "log"


def test_the_question_has_all_that_the_job_would_ask_for() -> None:
    assert " ".join(trial_command(training("m1", 2))) == (
        "sbatch --test-only --account=m1 --qos=regular --constraint=gpu --time=360 --nodes=2 --ntasks-per-node=4 "
        "--cpus-per-task=32 --gpus-per-node=4 --wrap=true"
    )


def test_jobs_that_ask_for_the_same_are_asked_about_once(log: Path) -> None:
    require_accepted({"train a": training("m1", 1), "train b": training("m1", 1), "train c": training("m1", 2)})
    assert len(log.read_text().splitlines()) == 2


def test_a_refusal_is_told_in_one_line_in_its_own_words(log: Path) -> None:
    with pytest.raises(SiteError) as error:
        require_accepted({"train a": training("m1", 1), "train b": training("ended", 1)})
    assert str(error.value).startswith(
        "train b: Slurm would not take it: allocation failure: Invalid account or account/partition combination "
        "specified; change account, queue, nodes or minutes (docs/sites); asked: sbatch --test-only --account=ended "
    )
    assert "\n" not in str(error.value)
    assert len(log.read_text().splitlines()) == 2


def test_without_sbatch_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SiteError, match="sbatch cannot be asked"):
        require_accepted({"train a": training("m1", 1)})
