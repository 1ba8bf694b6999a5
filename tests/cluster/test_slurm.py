"""The DAG with `--profile perlmutter` on a real Slurm: placement, walltime, scancel, Ctrl-C and a dead Snakemake."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.clone import CHECKOUT
from tests.cluster.slurm_user import Job, SlurmUser, see

pytestmark = pytest.mark.cluster

CONFIGS = [CHECKOUT / name for name in ("tests/workflow/config.yaml", "tests/cluster/long.yaml")]
NUM_STEPS = 500  # long enough for three starts
LONGER = f"models={{event_id: {{train: {{max_steps: {NUM_STEPS}}}}}}}"
TWO_BY_TWO = [  # ranks, on a machine of two cores
    "--set-resources",
    *(f"train:{name}=2" for name in ("nodes", "ranks_per_node", "tasks_per_node", "gpus_per_node")),
    *("train:cpus_per_task=64", "train:slurm_extra='--gpus-per-node=2'"),
]
ALL_STEPS = list(range(10, NUM_STEPS + 1, 10))
TRAINED = "results/small/models/event_id/model.safetensors"


@pytest.fixture(scope="module")
def user(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmUser]:  # noqa: ARG001
    """Somebody who ran the whole small DAG on perlmutter."""
    user = SlurmUser(tmp_path_factory.mktemp("perlmutter"), CONFIGS, [*TWO_BY_TWO, "--config", LONGER])
    try:
        user.run()
        yield user
    finally:
        user.close()


@pytest.fixture
def run_dir(user: SlurmUser) -> Iterator[Path]:
    """The run directory of event_id, which is not trained yet."""
    directory, model = user.root / "runs" / "event_id", user.root / "models" / "event_id"
    shutil.rmtree(directory)
    for name in ("model.safetensors", "model.json", "metrics.jsonl"):
        (model / name).unlink()
    yield directory
    user.close()


def steps_of(run_dir: Path) -> list[int]:
    """The steps of the training in the order of its journal."""
    journal = run_dir / "metrics.jsonl"
    lines = journal.read_text().splitlines(keepends=True) if journal.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [row["step"] for row in rows if row["part"] == "train"]


def training(user: SlurmUser, *, after: list[Job], run_dir: Path) -> Job:
    """The job of a training after those that are known, as soon as it has come to a step that is journalled."""
    known = {job.id for job in after}
    see(lambda: [job for job in user.jobs("train") if job.id not in known and job.state == "RUNNING"])
    done = max(steps_of(run_dir), default=0)
    see(lambda: max(steps_of(run_dir), default=0) > done)
    return user.jobs("train")[-1]


def end_of_walltime(user: SlurmUser, job: Job, seconds: int) -> None:
    """Make the walltime of a running job end so soon."""
    end = datetime.now() + timedelta(seconds=seconds)
    user.slurm("scontrol", "update", f"JobId={job.id}", f"EndTime={end:%Y-%m-%dT%H:%M:%S}")


def state_of(user: SlurmUser, job: Job) -> str:
    """As TIMEOUT."""
    return next(one.state for one in user.jobs() if one.id == job.id)


def test_the_whole_dag_ends_in_a_report(user: SlurmUser) -> None:
    assert (user.root / "report" / "index.html").stat().st_size > 0
    assert {job.state for job in user.jobs()} == {"COMPLETED"}
    rules = {re.sub(r"^rule_|_wildcards.*", "", job.comment) for job in user.jobs()}
    assert {"overfit", "train", "evaluate"} <= rules
    assert "report" not in rules


@pytest.mark.parametrize("model", ["cosmic_tagger", "event_id"])
def test_ranks_and_gpus_are_where_the_rule_asks_for_them(user: SlurmUser, model: str) -> None:
    log = (user.root / "logs" / "train" / f"{model}.log").read_text()
    assert "nuweave: srun --nodes=2 --ntasks=4 --ntasks-per-node=2 --cpus-per-task=64 --gpus-per-node=2 " in log
    assert re.search(r"2 nodes \(n1, n2\), ranks 0-3: 2 x cpu .*; CUDA_VISIBLE_DEVICES=(0,1|2,3)\n", log)
    trained = json.loads((user.root / "models" / model / "model.json").read_text())["training"]
    assert (trained["ranks"], trained["engine"]) == (4, "deepspeed")
    (job,) = [job for job in user.jobs("train") if model in job.comment]
    told = user.slurm("scontrol", "show", "job", job.id)
    for words in ("NodeList=n[1-2]", "NumNodes=2", "NumTasks=4", "CPUs/Task=64", "Features=gpu", "Account=m1234"):
        assert words in told


def test_a_job_that_slurm_would_refuse_ends_the_start_in_its_words_and_nothing_is_submitted(
    slurm: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    user = SlurmUser(tmp_path, CONFIGS, ["--set-resources", "evaluate:constraint=tpu"])
    start = user.start()
    assert start.end() == 1
    (line,) = [line for line in start.said.splitlines() if line.startswith("nuweave: ")]
    assert re.match(r"nuweave: evaluate \w+: Slurm would not take it: .*[Ii]nvalid feature specification", line)
    assert not user.jobs()


def test_a_training_goes_on_after_a_signal_the_end_of_its_walltime_and_scancel(user: SlurmUser, run_dir: Path) -> None:
    before = user.jobs("train")
    start = user.start(TRAINED)
    jobs = [training(user, after=before, run_dir=run_dir)]
    user.slurm("scancel", "--signal=USR1", f"{jobs[-1].id}.0")  # the ranks: as sbatch --signal, ahead of the walltime
    jobs += [training(user, after=before + jobs, run_dir=run_dir)]
    end_of_walltime(user, jobs[-1], 1)
    jobs += [training(user, after=before + jobs, run_dir=run_dir)]
    user.slurm("scancel", jobs[-1].id)
    assert start.end() == 0, start.said
    jobs = [job for job in user.jobs("train") if job.id not in {one.id for one in before}]
    assert [job.state for job in jobs] == ["FAILED", "TIMEOUT", "CANCELLED", "COMPLETED"]
    assert "told to stop by SIGUSR1: saved after step" in user.log(jobs[0])
    resumed = [int(step) for job in jobs for step in re.findall(r"going on after step (\d+) of", user.log(job))]
    assert len(resumed) == 3
    assert 0 < resumed[0] < resumed[1] < resumed[2]
    assert steps_of(run_dir) == ALL_STEPS


def test_ctrl_c_and_a_dead_snakemake_leave_nothing_that_trains_twice(user: SlurmUser, run_dir: Path) -> None:
    before = user.jobs("train")
    start = user.start(TRAINED)
    first = training(user, after=before, run_dir=run_dir)
    assert start.interrupt() == 1
    see(lambda: not user.live(), 20)
    assert state_of(user, first) == "CANCELLED"

    start = user.start(TRAINED)
    second = training(user, after=[*before, first], run_dir=run_dir)
    start.kill()
    assert user.start("--unlock", TRAINED).end() == 0
    again = user.start(TRAINED)
    assert again.end() == 1
    assert re.search(rf"1 job of an earlier start still queued or running: {second.id} .*cancel: scancel", again.said)
    assert [job.id for job in user.live()] == [second.id]
    see(lambda: not user.live())
    assert state_of(user, second) == "COMPLETED"

    user.run(TRAINED)
    assert user.jobs("train")[-1].id == second.id  # which has told Snakemake's records that it is complete
    assert steps_of(run_dir) == ALL_STEPS
