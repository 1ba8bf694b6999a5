"""Read the saved tables of a run; nothing is computed here."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from nuweave.config import Config
from nuweave.store import StoreError

RULES = (
    *("simulate", "convert", "catalog", "split", "pack", "data_quality", "shift"),
    *("overfit", "train", "evaluate"),
)


@dataclass(frozen=True)
class ModelTables:
    """What evaluation, and training where there was one, left of one model.

    Attributes:
        name: of the model.
        metrics: metrics.json.
        predictions: a row an event.
        displays: a row a site of the chosen events.
        history: a row a line of metrics.jsonl; None where nothing was trained.
        overfit: overfit.json; None where nothing was trained.
    """

    name: str
    metrics: dict[str, Any]
    predictions: pd.DataFrame
    displays: pd.DataFrame
    history: pd.DataFrame | None
    overfit: dict[str, Any] | None

    @property
    def parts(self) -> list[ModelTables]:
        """A model of several tasks as one model a task; any other as it is."""
        if "parts" not in self.metrics:
            return [self]
        return [
            replace(
                self,
                name=f"{self.name}: {name}",
                metrics=self.metrics | summary,
                predictions=self.predictions.assign(score=self.predictions[f"{name}_score"]),
            )
            for name, summary in self.metrics["parts"].items()
        ]


@dataclass(frozen=True)
class RunTables:
    """Everything that the page shows.

    Attributes:
        config: of the run.
        catalog: a row an event.
        parts: part of each event, a row an event with `part`; None where nothing was split.
        split: split.json; None where nothing was split.
        manifests: one a shard, in the order of their names, `shard` added.
        quality: data_quality.json.
        shifts: shift/NAME.json by name: train_test where something was trained, reference where the report has one.
        validation: what `nuweave validate` wrote; None where the configuration names no file.
        models: in the order of the configuration.
        times: a row a job: rule, job, seconds, peak_memory_mb; empty where the run was made by hand.
    """

    config: Config
    catalog: pd.DataFrame
    parts: pd.DataFrame | None
    split: dict[str, Any] | None
    manifests: list[dict[str, Any]]
    quality: dict[str, Any]
    shifts: dict[str, dict[str, Any]]
    validation: dict[str, Any] | None
    models: list[ModelTables]
    times: pd.DataFrame


def gather(config: Config) -> RunTables:
    """Read the tables below config.root.

    Raises:
        StoreError: a table that the page cannot do without is missing or damaged; names the rule that makes it.
    """
    root = config.root
    trained = config.trains
    validation = config.report.validation
    shifts = [*(["train_test"] if trained else []), *(["reference"] if config.report.reference else [])]
    return RunTables(
        config=config,
        catalog=_read_parquet(root / "catalog.parquet", rule="catalog"),
        parts=_read_parquet(root / "splits.parquet", rule="split") if trained else None,
        split=_read_json(root / "split.json", rule="split") if trained else None,
        manifests=[
            {"shard": path.stem, **_read_json(path, rule="convert")}
            for path in sorted((root / "shards").glob("*.json"))
        ],
        quality=_read_json(root / "data_quality.json", rule="data_quality"),
        shifts={name: _read_json(root / f"shift/{name}.json", rule="shift") for name in shifts},
        validation=None if validation is None else _read_json(Path(validation), rule="validate"),
        models=[_read_model(root / "models" / name, trained=trained) for name in config.models],
        times=read_times(root / "benchmarks"),
    )


def read_times(directory: Path) -> pd.DataFrame:
    """The time of every job from the tables that snakemake writes; `train_event_id.tsv` is a job of the rule train."""
    rows = []
    for path in sorted(directory.rglob("*.tsv")):
        job = "_".join(path.relative_to(directory).with_suffix("").parts)
        rule = next((one for one in RULES if job == one or job.startswith(f"{one}_")), job)
        try:
            table = pd.read_csv(path, sep="\t", na_values="-")
            seconds, memory = float(table["s"].iloc[-1]), float(table["max_rss"].iloc[-1])
        except (ValueError, KeyError, IndexError, OSError) as error:
            raise StoreError(f"{path}: is not a benchmark of snakemake ({error!r}); delete it") from None
        rows.append({"rule": rule, "job": job, "seconds": seconds, "peak_memory_mb": memory})
    return pd.DataFrame(rows, columns=["rule", "job", "seconds", "peak_memory_mb"])


def _read_model(directory: Path, *, trained: bool) -> ModelTables:
    return ModelTables(
        name=directory.name,
        metrics=_read_json(directory / "metrics.json", rule="evaluate"),
        predictions=_read_parquet(directory / "predictions.parquet", rule="evaluate"),
        displays=_read_parquet(directory / "displays.parquet", rule="evaluate"),
        history=_read_history(directory / "metrics.jsonl") if trained else None,
        overfit=_read_json(directory / "overfit.json", rule="overfit") if trained else None,
    )


def _read_history(path: Path) -> pd.DataFrame:
    _require(path, rule="train")
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        table = pd.DataFrame(lines)
        return table.sort_values("step", kind="stable", ignore_index=True)[
            ["step", "part", "loss", *(name for name in table if name not in ("step", "part", "loss"))]
        ]
    except (ValueError, KeyError) as error:
        raise StoreError(f"{path}: is not a training history ({error!r}); run the rule train again") from None


def _read_json(path: Path, *, rule: str) -> dict[str, Any]:
    _require(path, rule=rule)
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise StoreError(f"{path}: is not JSON ({error}); run the rule {rule} again") from None
    return content


def _read_parquet(path: Path, *, rule: str) -> pd.DataFrame:
    _require(path, rule=rule)
    try:
        return pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise StoreError(f"{path}: is not a parquet table ({error}); run the rule {rule} again") from None


def _require(path: Path, *, rule: str) -> None:
    if not path.is_file():
        raise StoreError(f"{path}: no such file, and the report needs it; run the rule {rule} first")
