"""TensorBoard and MLflow hold the figures of metrics.jsonl; nothing leaves the machine."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from nuweave.config import ModelConfig
from nuweave.train import TrainError
from nuweave.train.sinks import MlflowSink, TensorBoardSink, flattened, open_sinks
from tests.train.events import tagger


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelConfig:
    """A model whose figures go to an MLflow store too; any connection is an error."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.setenv(name, "")  # what the sink sets does not outlive the test

    def refuse(*address: Any) -> None:
        raise AssertionError(f"connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tagger(mlflow_dir=str(tmp_path / "stores" / "mlflow"))


def store_of(model: ModelConfig) -> Any:
    """MLflow's own client of the store."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=Path(str(model.train.mlflow_dir)).as_uri())


def test_settings_become_one_level() -> None:
    assert flattened({"train": {"ranks": 2, "loader": {"verify": True}}, "weights": None}) == {
        "train.ranks": "2",
        "train.loader.verify": "True",
        "weights": "None",
    }


def test_mlflow_gives_back_what_was_written(tmp_path: Path, model: ModelConfig) -> None:
    mlflow, tensorboard = open_sinks(tmp_path, name="tiny", model=model, first_step=0)
    for sink in (mlflow, tensorboard):
        sink.write(2, "train", {"loss": 0.5})
        sink.write(4, "train", {"loss": 0.25})
        sink.write(4, "val", {"loss": 0.3, "plane0/mean_iou": 0.8})
        sink.close()
    client = store_of(model)
    (run,) = client.search_runs([client.get_experiment_by_name("nuweave").experiment_id])
    assert (run.info.run_name, run.info.status) == ("tiny", "FINISHED")
    assert run.data.metrics == {"train/loss": 0.25, "val/loss": 0.3, "val/plane0/mean_iou": 0.8}
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(2, 0.5), (4, 0.25)]
    assert run.data.params["train.max_steps"] == "8"
    assert run.data.params["network.kind"] == "uresnet"
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_a_resumed_training_goes_on_in_the_same_mlflow_run(tmp_path: Path, model: ModelConfig) -> None:
    """Killed after step 6 with a checkpoint of step 4: the point of step 6 is there once."""
    for steps in ((2, 4, 6), (6, 8)):
        sink = MlflowSink(tmp_path, Path(str(model.train.mlflow_dir)), name="tiny", model=model)
        for step in steps:
            sink.write(step, "train", {"loss": 1 / step})
    client = store_of(model)
    run = (tmp_path / "mlflow_run_id").read_text()
    assert [point.step for point in client.get_metric_history(run, "train/loss")] == [2, 4, 6, 8]
    assert len(client.search_runs([client.get_experiment_by_name("nuweave").experiment_id])) == 1


def test_without_the_package_the_remedy_is_named(
    tmp_path: Path, model: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.entities", None)
    with pytest.raises(
        TrainError, match=r"train\.mlflow_dir=.*: MLflow is not installed; pip install nuweave\[mlflow\]"
    ):
        open_sinks(tmp_path, name="tiny", model=model, first_step=0)


def test_mlflow_is_only_imported_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)  # an import of it would fail
    (sink,) = open_sinks(tmp_path, name="tiny", model=tagger(), first_step=0)
    assert isinstance(sink, TensorBoardSink)
    sink.close()
