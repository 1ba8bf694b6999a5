"""Whole trainings in this process: what is written, and that a stop leaves no trace in the result."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nuweave.config import ModelConfig
from nuweave.config.train import SelectionConfig, TrainConfig
from nuweave.models import build_network
from nuweave.store import DamagedEventError, StoreError
from nuweave.tasks import make_task
from nuweave.train import NonFiniteLossError, run_training
from nuweave.train import run as run_module
from nuweave.train.engine import make_engine
from nuweave.train.errors import RunTakenError, TrainError
from nuweave.train.run_dir import owned
from nuweave.train.schedule import make_schedule
from tests.train.events import classifier, poison, tagger, write_learnable

BY_THE_CLOCK = ("events_per_s", "data_wait_share", "memory_gb")


def start(directory: Path, model: ModelConfig, data: dict[str, Path], *, seed: int = 5, attempt: int = 1) -> bool:
    """One start of a training that lives in `directory`."""
    return run_training(
        name="tiny",
        model=model,
        seed=seed,
        model_dir=directory / "model",
        run_dir=directory / "run",
        attempt=attempt,
        **data,
    )


def records(path: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without what a clock decides."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in BY_THE_CLOCK} for line in lines]


def interrupt(monkeypatch: pytest.MonkeyPatch, *, at_step: int, number: signal.Signals) -> None:
    """Send this process a signal in the middle of a step."""

    def make(settings: TrainConfig) -> Callable[[int], float]:
        def rate(step: int) -> float:
            if step == at_step:
                os.kill(os.getpid(), number)
            return make_schedule(settings)(step)

        return rate

    monkeypatch.setattr(run_module, "make_schedule", make)


def test_a_finished_training_leaves_a_model_that_loads_into_a_plain_network(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    model = tagger()
    assert start(tmp_path, model, learnable)
    meta = json.loads((tmp_path / "model" / "model.json").read_text())
    task = make_task(ModelConfig.model_validate(meta["model"]).task)
    network = build_network(model.network, task.outputs, num_planes=meta["num_planes"], shape=tuple(meta["shape"]))
    network.load_state_dict(load_file(tmp_path / "model" / "model.safetensors"))
    assert (meta["name"], meta["seed"]) == ("tiny", 5)
    assert meta["training"]["steps"] == 8
    assert meta["training"]["events"] == 32
    assert 0 < meta["validation"]["loss"] < 2
    assert task.primary_metric in meta["validation"]
    assert not list(tmp_path.rglob("*.part"))


def test_records_come_at_the_steps_that_were_asked_for(tmp_path: Path, learnable: dict[str, Path]) -> None:
    start(tmp_path, tagger(log_every=3), learnable)
    lines = records(tmp_path / "model" / "metrics.jsonl")
    assert [(line["step"], line["part"]) for line in lines] == [
        (3, "train"), (4, "val"), (6, "train"), (8, "train"), (8, "val"),
    ]  # fmt: skip
    assert list((tmp_path / "run" / "tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_stopped_and_resumed_training_gives_the_same_bits(
    tmp_path: Path, learnable: dict[str, Path], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    model = classifier()
    assert start(tmp_path / "whole", model, learnable)
    with monkeypatch.context() as patch:
        interrupt(patch, at_step=3, number=number)
        assert not start(tmp_path / "halves", model, learnable)
    assert not (tmp_path / "halves" / "model").exists()
    assert (tmp_path / "halves" / "run" / "checkpoints" / "latest").read_text() == "step_000005"
    torch.manual_seed(12345)
    assert start(tmp_path / "halves", model, learnable)
    whole, halves = (tmp_path / name / "model" for name in ("whole", "halves"))
    assert (whole / "model.safetensors").read_bytes() == (halves / "model.safetensors").read_bytes()
    assert records(whole / "metrics.jsonl") == records(halves / "metrics.jsonl")


def test_records_after_the_last_checkpoint_of_a_killed_run_are_written_once(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    """A run that died at step 8 with checkpoints of 6 and 3 goes on from 6."""
    start(tmp_path, tagger(), learnable)
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "model")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step_000008")
    (tmp_path / "run" / "checkpoints" / "latest").write_text("step_000006")
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "part": "tr')
    assert start(tmp_path, tagger(), learnable)
    assert [line["step"] for line in records(tmp_path / "model" / "metrics.jsonl")] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8]
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before


def test_a_finished_run_only_writes_its_model_again(tmp_path: Path, learnable: dict[str, Path]) -> None:
    start(tmp_path, tagger(), learnable)
    first = records(tmp_path / "model" / "metrics.jsonl")
    assert start(tmp_path, tagger(), learnable)
    assert records(tmp_path / "model" / "metrics.jsonl") == first


def test_a_loss_that_is_not_finite_leaves_the_events_in_the_run(
    tmp_path: Path, learnable: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = write_learnable(tmp_path / "few.h5", num_events=4, seed=9)
    monkeypatch.setattr(
        "nuweave.train.run.make_engine", lambda task, network, *rest: make_engine(task, poison(network), *rest)
    )
    with pytest.raises(NonFiniteLossError):
        start(tmp_path, tagger(), {**learnable, "train_path": few})
    with pytest.raises(TrainError, match="the start before failed: step 1: the loss is not finite"):
        start(tmp_path, tagger(), {**learnable, "train_path": few}, attempt=2)
    found = json.loads((tmp_path / "run" / "nonfinite.json").read_text())
    assert found["step"] == 1
    assert sorted(found["events"]) == [[9, 0, event] for event in range(4)]


def test_a_training_reads_from_a_copy_on_the_local_disk_when_told_to(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    start(tmp_path / "plain", tagger(max_steps=3), learnable)
    staged = tagger(max_steps=3, loader={"stage_dir": str(tmp_path / "local"), "threads": 2})
    start(tmp_path / "staged", staged, learnable)
    assert len(list((tmp_path / "local").glob("*.h5"))) == 2
    assert records(tmp_path / "plain/model/metrics.jsonl") == records(tmp_path / "staged/model/metrics.jsonl")


def test_damaged_events_are_left_out_and_listed_when_the_settings_say_so(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    damaged = tmp_path / "damaged.h5"
    shutil.copy(learnable["train_path"], damaged)
    with h5py.File(damaged, "r+") as file:
        voxels = file["Data/sparse2d_image_group/voxels"]
        rows = voxels[:]
        rows["value"][30] = np.nan  # of event 1, each has 24 sites
        voxels[:] = rows
    data = {**learnable, "train_path": damaged}
    with pytest.raises(DamagedEventError, match=r"damaged.h5: sparse2d_image, event 1: a value is not finite"):
        start(tmp_path / "strict", tagger(), data)
    assert start(tmp_path / "lenient", tagger(max_steps=6, loader={"quarantine": 1}), data)
    (listed,) = json.loads((tmp_path / "lenient" / "run" / "quarantine.json").read_text())
    assert "damaged.h5: sparse2d_image, event 1: a value is not finite" in listed


@pytest.mark.parametrize("remainder", ["drop_last", "pad"])
def test_what_an_epoch_drops_or_repeats_is_said(
    tmp_path: Path, learnable: dict[str, Path], remainder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    few = write_learnable(tmp_path / "few.h5", num_events=6)
    assert start(tmp_path, tagger(max_steps=2, loader={"remainder": remainder}), {**learnable, "train_path": few})
    found = "leaves out 2 events and repeats 0" if remainder == "drop_last" else "leaves out 0 events and repeats 2"
    assert found in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("model", [tagger, classifier])
def test_batches_may_be_bounded_by_sites(tmp_path: Path, learnable: dict[str, Path], model: Any) -> None:
    assert start(tmp_path, model(max_steps=3, loader={"max_sites": 30}), learnable)  # one event of 24 sites
    losses = [line["loss"] for line in records(tmp_path / "model" / "metrics.jsonl")]
    assert all(math.isfinite(loss) for loss in losses)


def test_no_validation_events_are_refused(tmp_path: Path, learnable: dict[str, Path]) -> None:
    empty = write_learnable(tmp_path / "empty.h5", num_events=0)
    with pytest.raises(StoreError, match=r"empty\.h5"):
        start(tmp_path, tagger(), {**learnable, "val_path": empty})


def test_bf16_rounds_and_keeps_float32_weights(tmp_path: Path, learnable: dict[str, Path]) -> None:
    for precision in ("fp32", "bf16"):
        start(tmp_path / precision, tagger(precision=precision, max_steps=3), learnable)
    full, rounded = (
        [line["loss"] for line in records(tmp_path / p / "model" / "metrics.jsonl")] for p in ("fp32", "bf16")
    )
    assert rounded == pytest.approx(full, rel=0.03)
    assert rounded != full
    weights = load_file(tmp_path / "bf16" / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values() if tensor.is_floating_point()} == {torch.float32}


def test_no_better_validation_ends_the_training_and_the_best_weights_are_exported(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    """A rate of one ruins the network after some validations."""
    selection = {"patience": 2, "export": "best"}
    model = tagger(
        max_steps=50, validate_every=1, learning_rate=1.0, schedule={"kind": "constant"}, selection=selection
    )
    assert start(tmp_path, model, learnable)
    meta = json.loads((tmp_path / "model" / "model.json").read_text())
    validations = [line["loss"] for line in records(tmp_path / "model" / "metrics.jsonl") if line["part"] == "val"]
    best = validations.index(min(validations)) + 1
    assert meta["training"]["steps"] == len(validations) == best + 2 < 50
    assert meta["training"]["exported_step"] == meta["training"]["best"]["step"] == best
    assert meta["validation"]["loss"] == min(validations)
    weights = (tmp_path / "model" / "model.safetensors").read_bytes()
    assert start(tmp_path, model, learnable)
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == weights
    forgiving = model.model_copy(update={"train": model.train.model_copy(update={"selection": SelectionConfig()})})
    assert start(tmp_path, forgiving, learnable)
    assert json.loads((tmp_path / "model" / "model.json").read_text())["training"]["steps"] == 50


def test_a_job_that_ends_soon_saves_and_leaves(
    tmp_path: Path, learnable: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUWEAVE_END_TIME", str(int(time.time())))
    assert not start(tmp_path, tagger(), learnable)
    assert "the job ends soon: saved after step 1; start it again to go on" in " ".join(capsys.readouterr().err.split())
    assert json.loads((tmp_path / "run" / "state.json").read_text())["state"] == "stopped"
    monkeypatch.delenv("NUWEAVE_END_TIME")
    assert start(tmp_path, tagger(), learnable)
    assert json.loads((tmp_path / "run" / "state.json").read_text())["state"] == "finished"


def test_a_start_beside_another_leaves_before_it_touches_anything(tmp_path: Path, learnable: dict[str, Path]) -> None:
    with owned(tmp_path / "run", print), pytest.raises(RunTakenError, match="trains here; this start leaves"):
        start(tmp_path, tagger(), learnable)
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "owner.json"]


def test_a_profile_of_some_steps_stands_in_the_description_of_the_model(
    tmp_path: Path, learnable: dict[str, Path]
) -> None:
    assert start(tmp_path, tagger(profile_steps=2), learnable)
    profile = json.loads((tmp_path / "model" / "model.json").read_text())["training"]["profile"]
    assert (profile["steps"], profile["device"]) == (2, "cpu")
    assert sum(row["share"] for row in profile["rows"]) > 0.5
    assert (tmp_path / "run" / "profile" / "trace.json.gz").stat().st_size > 1000
