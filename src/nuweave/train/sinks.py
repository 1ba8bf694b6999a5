"""Where the figures of a training go beside metrics.jsonl: TensorBoard, and an offline MLflow store if one is set."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from nuweave.config import ModelConfig
from nuweave.train.errors import TrainError

RUN_ID = "mlflow_run_id"  # file of the run directory: a resumed training goes on in the same MLflow run
EXPERIMENT = "nuweave"
LONGEST_VALUE = 500  # characters of a setting that every release of MLflow takes


class Sink(Protocol):
    """Takes the figures of a training."""

    def write(self, step: int, part: str, record: Mapping[str, float]) -> None:
        """Take the figures of a step; `part` is train or val."""

    def close(self) -> None:
        """Nothing more comes from this start."""


def open_sinks(run_dir: Path, *, name: str, model: ModelConfig, first_step: int) -> list[Sink]:
    """The sinks of a start: TensorBoard always, MLflow where train.mlflow_dir is set.

    Args:
        run_dir: gets tensorboard/, and the id of the MLflow run.
        name: of the model; the MLflow run is called so.
        model: its settings, the parameters of the MLflow run.
        first_step: steps done before.
    Raises:
        TrainError: train.mlflow_dir is set and mlflow is not installed.
    """
    sinks: list[Sink] = []
    if model.train.mlflow_dir is not None:
        sinks.append(MlflowSink(run_dir, Path(model.train.mlflow_dir), name=name, model=model))
    return [*sinks, TensorBoardSink(run_dir, first_step)]


class TensorBoardSink:
    """TensorBoard's event files; points of later steps by an earlier start are dropped."""

    def __init__(self, run_dir: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # only the rank that writes pays for it

        self._writer = SummaryWriter(str(run_dir / "tensorboard"), purge_step=first_step + 1)

    def write(self, step: int, part: str, record: Mapping[str, float]) -> None:
        """A point a figure."""
        for name, value in record.items():
            self._writer.add_scalar(f"{part}/{name}", value, step)

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()


class MlflowSink:
    """A run in an MLflow store of plain files: no server, no network, no database.

    MLflow cannot take points back, so those that an earlier start wrote after its last checkpoint stay, and are not
    written twice.
    """

    def __init__(self, run_dir: Path, directory: Path, *, name: str, model: ModelConfig) -> None:
        self._client, self._metric = _open_mlflow(directory)
        with _locked(directory):  # several models of a run start at once
            found = self._client.get_experiment_by_name(EXPERIMENT)
            experiment = found.experiment_id if found else self._client.create_experiment(EXPERIMENT)
        mark = run_dir / RUN_ID
        if mark.is_file():
            self._run = mark.read_text().strip()
            self._client.update_run(self._run, status="RUNNING")
        else:
            self._run = self._client.create_run(experiment, run_name=name).info.run_id
            for key, value in flattened(model.model_dump(mode="json")).items():
                self._client.log_param(self._run, key, value[:LONGEST_VALUE])
            mark.write_text(self._run)
        self._written = {part: self._last_step(part) for part in ("train", "val")}

    def write(self, step: int, part: str, record: Mapping[str, float]) -> None:
        """A point a figure, once a step."""
        if step > self._written[part]:
            now_ms = int(time.time() * 1000)
            points = [self._metric(f"{part}/{name}", value, now_ms, step) for name, value in record.items()]
            self._client.log_batch(self._run, metrics=points)

    def close(self) -> None:
        """Mark the run as one that nobody writes to."""
        self._client.set_terminated(self._run)

    def _last_step(self, part: str) -> int:
        return max((point.step for point in self._client.get_metric_history(self._run, f"{part}/loss")), default=0)


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as one level: {"train": {"ranks": 2}} becomes {"train.ranks": "2"}."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def _open_mlflow(directory: Path) -> tuple[Any, Any]:
    """A client of the store in `directory`, and the class of a point."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # it would call home
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # newer releases ask before they write plain files
    try:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise TrainError(
            f"train.mlflow_dir={directory}: MLflow is not installed; pip install nuweave[mlflow], or set it to null"
        ) from None
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        return MlflowClient(tracking_uri=directory.resolve().as_uri()), Metric


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process at a time makes something in the store."""
    with directory.with_name(f".{directory.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
