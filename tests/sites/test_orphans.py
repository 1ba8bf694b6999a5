"""Jobs that an earlier start left in this directory are found; those of other directories and names are not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from nuweave.sites import SiteError, cancel, require_none
from nuweave.sites.orphans import Job, jobs_of_directory, pbs_jobs, slurm_jobs
from tests.fakes.cluster import FakePbs


def described(name: str, state: str, directory: Path) -> dict[str, object]:
    return {"Job_Name": name, "job_state": state, "Variable_List": {"PBS_O_WORKDIR": str(directory)}}


def test_live_jobs_of_ours_from_this_directory_are_orphans(tmp_path: Path) -> None:
    link = tmp_path.parent / "link"
    link.symlink_to(tmp_path)
    jobs = {
        "1.p": described("nw-files", "R", tmp_path),
        "2.p": described("nw-train", "Q", link),
        "3.p": described("nw-files", "F", tmp_path),
        "4.p": described("nw-files", "R", tmp_path / "other"),
        "5.p": described("interactive", "R", tmp_path),
    }
    assert pbs_jobs({"Jobs": jobs}, tmp_path) == [Job("1.p", "nw-files"), Job("2.p", "nw-train")]
    assert pbs_jobs({}, tmp_path) == []


def test_slurm_names_directory_and_rule_of_each_job(tmp_path: Path) -> None:
    answer = f"7|{tmp_path}|rule_train_model_wildcards_event_id\n8|/elsewhere|rule_train_model\nnonsense\n"
    assert slurm_jobs(answer, tmp_path) == [Job("7", "rule_train_model_wildcards_event_id")]


def test_one_machine_has_none(tmp_path: Path) -> None:
    assert jobs_of_directory("none", tmp_path) == []


def test_a_start_beside_a_live_job_is_refused_with_its_id_and_the_job_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pbs = FakePbs(tmp_path / "pbs", "polaris", num_nodes=0)  # so jobs wait
    monkeypatch.setenv("PATH", pbs.login()["PATH"])
    monkeypatch.setenv("HOME", str(pbs.home))
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\n")
    command = ["qsub", "-A", "neutrinos", "-q", "debug", "-l", "walltime=10:00,filesystems=home", "-N", "nw-files"]
    require_none("pbs", tmp_path)
    subprocess.run([*command, script], check=True)
    with pytest.raises(SiteError, match=r"1 job of an earlier start .*: 1\.\S+ \(nw-files\); .* cancel: qdel 1\.\S+$"):
        require_none("pbs", tmp_path)
    require_none("pbs", tmp_path / "pbs")
    assert cancel("pbs", tmp_path / "pbs") == []
    assert cancel("pbs", tmp_path) == [Job("1.polaris-pbs-01", "nw-files")]
    pbs.wait("1.polaris-pbs-01")
    require_none("pbs", tmp_path)


def test_a_batch_system_that_does_not_answer_is_no_reason_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SiteError, match=r"qselect cannot be asked .*start again when it answers"):
        require_none("pbs", tmp_path)
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!/bin/sh\necho {json.dumps('slurm_load_jobs error')} >&2; exit 1\n")
    squeue.chmod(0o755)
    with pytest.raises(SiteError, match=r"squeue failed .slurm_load_jobs error.; .*start again when it answers"):
        require_none("slurm", tmp_path)
