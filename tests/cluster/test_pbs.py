"""The small DAG on Polaris and Aurora as the stand-ins of tests/fakes imitate them: real ranks, kills included."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clone import CHECKOUT, link_clone, take_interrupts
from tests.fakes.cluster import FakePbs, wait_until

pytestmark = pytest.mark.cluster

CONFIGS = [str(CHECKOUT / name) for name in ("tests/workflow/config.yaml", "tests/cluster/long.yaml")]
# what the profiles are patient about because of a real server
IMPATIENT = ["--seconds-between-status-checks", "1", "--max-status-checks-per-second", "10", "--latency-wait", "10"]
MODEL = Path("results/small/models/event_id")
RUN = Path("results/small/runs/event_id")
TRAINED = f"{MODEL}/model.safetensors"
TIMEOUT_S = 600  # of two busy cores


class Login:
    """A user at a site: a clone, and Snakemake with the profile of the site.

    Attributes:
        pbs: the batch system.
        work: the clone.
    """

    def __init__(self, directory: Path, site: str, num_nodes: int) -> None:
        self.site, self.pbs, self.work = site, FakePbs(directory, site, num_nodes), directory / "work"
        self.work.mkdir()
        link_clone(self.work)
        self.said = directory / "said.log"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Snakemake, in a process group as a terminal makes one."""
        environment = self.pbs.login() | {"NUWEAVE_ACCOUNT": "neutrinos", "NUWEAVE_SITE": self.site} | variables
        with self.said.open("wb") as output:
            return subprocess.Popen(
                ["snakemake", *arguments, "--profile", self.site, *IMPATIENT, "--configfile", *CONFIGS],
                cwd=self.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=take_interrupts,
            )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Exit status, and what was said."""
        process = self.start(*arguments, **variables)
        try:
            status = process.wait(TIMEOUT_S)
        finally:
            process.kill()
        return status, self.said.read_text()

    def complaints(self) -> list[str]:
        """What our commands had to say."""
        return [line for line in self.said.read_text().splitlines() if line.startswith("nuweave: ")]

    def forget_training(self) -> None:
        """As before it."""
        shutil.rmtree(self.work / RUN, ignore_errors=True)
        for name in ("model.safetensors", "model.json", "metrics.jsonl"):
            (self.work / MODEL / name).unlink(missing_ok=True)

    def trainings(self) -> list[str]:
        """Ids of their jobs, in the order of submission."""
        return list(self.pbs.jobs("nw-train"))

    def wait_for_training(self, started: subprocess.Popen[bytes], number: int) -> str:
        """Id of a training, counted from 0, once it has written a checkpoint after the last one there was."""
        wait_until(lambda: len(self.trainings()) > number or started.poll() is not None, TIMEOUT_S)
        before = self.checkpoints()
        wait_until(lambda: self.checkpoints() > before or started.poll() is not None, TIMEOUT_S)
        assert started.poll() is None, self.said.read_text()
        return self.trainings()[number]

    def checkpoints(self) -> str:
        """Name of the last one that is complete."""
        found = (self.work / RUN).glob("checkpoints/step_*/complete.json")
        return max((file.parent.name for file in found), default="")

    def printed(self, job_id: str) -> str:
        """By a job."""
        return (self.work / f"logs/pbs/{job_id}.OU").read_text()

    def steps(self) -> list[int]:
        """That the history of the training has, in its order."""
        lines = (self.work / MODEL / "metrics.jsonl").read_text().splitlines()
        return [row["step"] for row in map(json.loads, lines) if row["part"] == "train"]


@pytest.fixture(scope="module")
def polaris(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    """Polaris with two nodes, where the whole DAG was run: trainings on both, two ranks each."""
    login = Login(tmp_path_factory.mktemp("polaris"), "polaris", num_nodes=2)
    try:
        places = ["train:nodes=2", "train:ranks_per_node=2"]
        status, said = login.run("--set-resources", *places)
        assert status == 0, said
        yield login
    finally:
        login.pbs.close()


@pytest.fixture
def untrained(polaris: Login) -> Iterator[Login]:
    """The same, before event_id was trained."""
    polaris.forget_training()
    yield polaris
    polaris.pbs.close()


ALL_STEPS = list(range(10, 201, 10))


def test_the_whole_dag_ends_in_a_report_and_its_trainings_had_both_nodes(polaris: Login) -> None:
    assert (polaris.work / "results/small/report/index.html").exists()
    jobs = polaris.pbs.jobs()
    assert {job["Exit_status"] for job in jobs.values()} == {0}
    assert [job["Job_Name"] for job in jobs.values()][:2] == ["nw-files", "nw-tables"]  # groups: a job each
    launches = {str(launch["job"]): launch for launch in polaris.pbs.launches()}
    assert sorted(launches) == sorted(polaris.trainings())
    for job_id, launch in launches.items():
        resources = jobs[job_id]["Resource_List"]
        assert (resources["select"], resources["place"]) == ("2:system=polaris", "scatter")
        assert (launch["n"], launch["ppn"], len(set(map(str, launch["hosts"])))) == (4, 2, 2)  # type: ignore[call-overload]
        assert (launch["envall"], launch["cpu_bind"]) == (True, "depth")
        assert "ranks 0-3: 4 x cpu" in polaris.printed(job_id)
    assert polaris.steps() == ALL_STEPS


def test_a_training_that_was_killed_at_its_walltime_and_then_deleted_goes_on_and_ends(untrained: Login) -> None:
    number = len(untrained.trainings())
    started = untrained.start(TRAINED)
    killed = untrained.wait_for_training(started, number)
    untrained.pbs.end_walltime(killed)
    deleted = untrained.wait_for_training(started, number + 1)
    subprocess.run(["qdel", deleted], env=untrained.pbs.login(), check=True)
    assert started.wait(TIMEOUT_S) == 0, untrained.said.read_text()
    ends = [untrained.pbs.jobs()[job_id]["Exit_status"] for job_id in untrained.trainings()[number:]]
    assert ends == [-29, 271, 0]
    assert untrained.steps() == ALL_STEPS  # each step once
    assert "step 10/200" in untrained.printed(killed)
    assert "step 10/200" not in untrained.printed(deleted)
    told = [line for line in untrained.complaints() if "Exit_status" in line]
    assert [killed in told[0], "walltime" in told[0], deleted in told[1], len(told)] == [True, True, True, 2]


def test_ctrl_c_leaves_no_job_and_no_lock(untrained: Login) -> None:
    started = untrained.start(TRAINED)
    job_id = untrained.wait_for_training(started, len(untrained.trainings()))
    os.killpg(started.pid, signal.SIGINT)
    assert started.wait(60) == 1
    assert untrained.pbs.wait(job_id)["Exit_status"] == 271
    assert not untrained.pbs.live()
    assert untrained.run(TRAINED, "--dry-run")[0] == 0


def test_after_a_kill_of_snakemake_a_new_start_waits_for_the_job_and_does_not_train_again(untrained: Login) -> None:
    number = len(untrained.trainings())
    started = untrained.start(TRAINED)
    job_id = untrained.wait_for_training(started, number)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert untrained.run("--unlock")[0] == 0
    status, said = untrained.run(TRAINED)
    assert status == 1
    (line,) = untrained.complaints()
    assert f"1 job of an earlier start still queued or running: {job_id} (nw-train)" in line
    assert line.endswith(f"wait for the end, or cancel: qdel {job_id}")
    assert untrained.pbs.wait(job_id, timeout_s=TIMEOUT_S)["Exit_status"] == 0
    status, said = untrained.run(TRAINED)
    assert status == 0, said
    assert untrained.steps() == ALL_STEPS
    again = untrained.trainings()[number + 1 :]
    assert not any("step " in untrained.printed(one) for one in again)  # finished: at most its files were written again


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"NUWEAVE_ACCOUNT": "ended"}, "No active allocation found for project ended and resource polaris"),
        ({"NUWEAVE_FILESYSTEMS": "home:gila"}, "Invalid filesystem identifiers gila"),
    ],
)
def test_a_job_that_pbs_refuses_ends_the_start_in_one_line(
    untrained: Login, variables: dict[str, str], words: str
) -> None:
    before = untrained.pbs.jobs()
    status, said = untrained.run(TRAINED, **variables)
    assert status == 1
    (line,) = untrained.complaints()
    assert "train (model=event_id): not submitted" in line, said
    assert words in line
    assert untrained.pbs.jobs() == before
    assert (untrained.work / MODEL / "overfit.json").exists()


def test_aurora_trains_by_the_same_command(polaris: Login, tmp_path: Path) -> None:
    aurora = Login(tmp_path, "aurora", num_nodes=1)
    left_out = shutil.ignore_patterns("runs", "model.safetensors", "model.json", "metrics.jsonl")
    shutil.copytree(polaris.work / "results", aurora.work / "results", ignore=left_out)
    try:
        status, said = aurora.run(TRAINED, "--config", "models={event_id: {train: {max_steps: 20}}}")
        assert status == 0, said
    finally:
        aurora.pbs.close()
    (launch,) = aurora.pbs.launches()
    assert (launch["n"], launch["ppn"], launch["cpu_bind"]) == (2, 2, "list:4-7:8-11")
    (job,) = aurora.pbs.jobs("nw-train").values()
    assert (job["queue"], job["Resource_List"]["filesystems"]) == ("capacity", "home:flare")
