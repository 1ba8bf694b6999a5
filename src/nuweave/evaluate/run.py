"""Evaluate a finished model: predict every event of a file, score it beside baselines, keep the sites of a few."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from nuweave import __version__
from nuweave.catalog import read as read_table
from nuweave.catalog.table import KEY
from nuweave.config import ModelConfig
from nuweave.config.evaluate import EvaluateConfig
from nuweave.config.tasks import VertexConfig, single_tasks
from nuweave.evaluate.baselines import SiteSums, join_sums, sum_sites
from nuweave.evaluate.displays import choose_events
from nuweave.evaluate.estimate import event_weights
from nuweave.evaluate.geometry import Geometry
from nuweave.evaluate.judge import Predictions, judge
from nuweave.evaluate.model import load_model
from nuweave.loader import EventDataset, SparseBatch, evaluation_batches
from nuweave.store import StoreError, write_aside
from nuweave.tasks import Task

_NOT_JOINED = ("shard", "entry", "source", "generator_seed")


def evaluate_model(
    *,
    name: str,
    model_dir: Path,
    data: Path,
    catalog: Path,
    geometry: Geometry,
    settings: EvaluateConfig,
    seed: int,
    out_dir: Path,
) -> None:
    """Write predictions.parquet, displays.parquet and metrics.json.

    Args:
        name: of the model.
        model_dir: directory of model.json and model.safetensors.
        data: packed events.
        catalog: catalog.parquet of the same run.
        geometry: of the images, for places in cm; only used of models that find vertices.
        settings: batch, displays, bootstrap samples.
        seed: of the bootstrap and of the random displays.
        out_dir: where the three files go.
    Raises:
        StoreError: a file is missing, or the events do not fit the model or the catalogue.
    """
    task, network, meta = load_model(model_dir)
    config = ModelConfig.model_validate(meta["model"]).task
    dataset = EventDataset(data)
    _require_fit(dataset, meta, model_dir)
    if any(isinstance(one, VertexConfig) for one in single_tasks(config)):
        _require_geometry(dataset, geometry)
    device = _device()
    network.to(device)
    events, sums = _predict(task, network, dataset, settings.batch, device)
    predictions = Predictions(
        table=_join_catalog(events, read_table(catalog), catalog),
        sums=sums,
        weights_SE=event_weights(len(events), settings.num_bootstrap, seed),
        shape=dataset.shape,
        num_planes=dataset.num_planes,
        geometry=geometry,
    )
    verdict = judge(config, predictions)
    chosen = choose_events(verdict.score_E, settings.num_displays, seed)
    displays = _display_sites(task, network, dataset, chosen, device)
    table = predictions.table.assign(score=verdict.score_E, **verdict.columns)
    report = {
        "name": name,
        "task": config.model_dump(mode="json"),
        "num_events": len(dataset),
        "data": data.name,
        "seed": seed,
        "num_bootstrap": settings.num_bootstrap,
        "version": __version__,
        "model": meta,
        **verdict.summary,
        "displays": [{"kind": kind, **_shown(table, event)} for kind, event in chosen],
    }
    _write(out_dir, table, displays, report)


def _device() -> torch.device:
    """The accelerator of this machine, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def _require_fit(dataset: EventDataset, meta: dict[str, Any], model_dir: Path) -> None:
    """The file must hold at least one event, of images like those that the model was trained on."""
    if len(dataset) == 0:
        raise StoreError(f"{dataset.paths[0]}: holds no event; pack a part that has some")
    found, wanted = (dataset.num_planes, *dataset.shape), (int(meta["num_planes"]), *meta["shape"])
    if found != wanted:
        raise StoreError(
            f"{dataset.paths[0]}: has images of {' x '.join(map(str, found))} (planes x sites), "
            f"the model in {model_dir} was trained on {' x '.join(map(str, wanted))}; "
            "convert with the detector and down-sampling of its run"
        )


def _require_geometry(dataset: EventDataset, geometry: Geometry) -> None:
    """Places in cm need the detector whose images these are."""
    if geometry.shapes != (dataset.shape,) * dataset.num_planes:
        wanted = (len(geometry.shapes), *geometry.shapes[0])
        raise StoreError(
            f"{dataset.paths[0]}: has images of {' x '.join(map(str, (dataset.num_planes, *dataset.shape)))} (planes x "
            f"sites), those of detector={geometry.detector.name} with convert.downsample={geometry.factor} are "
            f"{' x '.join(map(str, wanted))}; give the detector and down-sampling that the file was converted with"
        )


@torch.inference_mode()
def _predict(
    task: Task, network: nn.Module, dataset: EventDataset, batch_size: int, device: torch.device
) -> tuple[pd.DataFrame, SiteSums]:
    """A row an event in the order of the file, and what the baselines need of its sites."""
    tables, sums = [], []
    for raw in evaluation_batches(dataset, batch=batch_size):
        batch = task.prepare(raw.to(device))
        logits = task.forward(network, batch)
        events = task.predictions(logits, batch)
        tables.append(events)
        sums.append(sum_sites(task.site_predictions(logits, batch), events, dataset.num_planes))
    return pd.concat(tables, ignore_index=True), join_sums(sums)


@torch.inference_mode()
def _display_sites(
    task: Task, network: nn.Module, dataset: EventDataset, chosen: Sequence[tuple[str, int]], device: torch.device
) -> pd.DataFrame:
    """The sites of the chosen events, one event at a time; empty where none is chosen."""
    tables = []
    for kind, entry in chosen:
        batch: SparseBatch = task.prepare(dataset.read([entry]).to(device))
        sites = task.site_predictions(task.forward(network, batch), batch)
        tables.append(sites.assign(kind=kind))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*KEY, "kind"])


def _join_catalog(predictions: pd.DataFrame, catalog: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Put what the catalogue knows of each event beside its prediction; the order of the rows stays."""
    columns = [name for name in catalog.columns if name not in _NOT_JOINED]
    table = predictions.merge(
        catalog[columns],
        on=KEY,
        how="left",
        validate="many_to_one",
        indicator="_found",
        suffixes=("", "_catalog"),
    )
    missing = int((table.pop("_found") != "both").sum())
    if missing:
        raise StoreError(
            f"{path}: lacks {missing} of the {len(predictions)} evaluated events; run the rule catalog on the shards "
            "that these events were packed from"
        )
    return table


def _shown(table: pd.DataFrame, event: int) -> dict[str, Any]:
    """Key and score of one event; JSON has no nan."""
    score = float(table.loc[event, "score"])  # type: ignore[arg-type]
    key = {name: int(table.loc[event, name]) for name in KEY}  # type: ignore[arg-type]
    return {**key, "score": score if math.isfinite(score) else None}


def _write(out_dir: Path, predictions: pd.DataFrame, displays: pd.DataFrame, report: dict[str, Any]) -> None:
    """metrics.json comes last: where it stands, the tables are complete."""
    for name, table in (("predictions.parquet", predictions), ("displays.parquet", displays)):
        with write_aside(out_dir / name) as aside:
            table.to_parquet(aside, index=False)
    with write_aside(out_dir / "metrics.json") as aside:
        aside.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
