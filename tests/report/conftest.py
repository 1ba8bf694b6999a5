"""Saved tables of a small run, as the other stages leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nuweave.config import Config, ModelConfig, parse
from nuweave.config.tasks import HEADS
from nuweave.physics.truth import HEAD_CLASSES

SHAPE = (16, 12)
NUM_EVENTS = 24
KEY = ["run", "subrun", "event"]


def make_run(directory: Path) -> Config:
    """A run that trained a segmentation and a classification, with all its tables."""
    config = parse(
        {
            "results": str(directory),
            "name": "small",
            "report": {"title": "Small <run>", "introduction": "Made by hand."},
            "models": {
                "tagger": {"task": {"kind": "segmentation"}, "network": {"kind": "uresnet"}},
                "classifier": {"task": {"kind": "event_classification"}, "network": {"kind": "resnet"}},
            },
        }
    )
    write_tables(config)
    return config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The run of `make_run`, its files free to change."""
    return make_run(tmp_path)


@pytest.fixture
def weights_config(config: Config) -> Config:
    """The same run as one that only evaluates a finished model."""
    models = {"tagger": config.models["tagger"].model_copy(update={"weights": "finished"})}
    for name in ("split.json", "splits.parquet"):
        (config.root / name).unlink()
    for model in models:
        (config.root / "models" / model / "metrics.jsonl").unlink()
        (config.root / "models" / model / "overfit.json").unlink()
    return config.model_copy(update={"models": models})


@pytest.fixture
def several_config(config: Config) -> Config:
    """The same run with one model that labels sites, finds the vertex and classifies events."""
    tasks = {
        "sites": {"kind": "segmentation"},
        "vertex": {"kind": "vertex"},
        "event": {"kind": "event_classification", "sites": "all"},
    }
    task = {"kind": "several", "tasks": tasks}
    model = ModelConfig.model_validate({"task": task, "network": {"kind": "uresnet"}})
    several = config.model_copy(update={"models": {"all": model}})
    catalog = _catalog()
    made = {"sites": _segmentation(catalog), "vertex": _vertex(catalog), "event": _classification(catalog)}
    predictions = catalog[[*KEY, "nu_energy_gev", *HEADS]].assign(score=0.5)
    parts = {}
    for name, (table, summary) in made.items():
        predictions[f"{name}_score"] = table["score"]
        predictions = predictions.join(table[[column for column in table if column not in predictions]])
        parts[name] = {"task": tasks[name], **summary}
    _write_model(several, "all", (predictions, {"parts": parts}), _sites())
    return several


def write_tables(config: Config) -> None:
    """Every table that the page reads."""
    root = config.root
    (root / "shards").mkdir(parents=True)
    catalog = _catalog()
    catalog.to_parquet(root / "catalog.parquet")
    catalog[KEY].assign(part="test").to_parquet(root / "splits.parquet")
    counts = {"nue CC": 8, "numu CC": 8, "NC": 8}
    split = {
        "settings": config.split.model_dump(mode="json"),
        "catalog_sha256": "ab" * 32,
        "num_events": NUM_EVENTS,
        "num_unused": 2,
        "num_groups": 3,
        "before": {"train": counts, "test": counts},
        "after": {"train": counts | {"NC": 6}, "test": counts},
    }
    (root / "split.json").write_text(json.dumps(split))
    manifest = {"source": "raw/000.h5", "source_sha256": "cd" * 32, "events_read": 25, "events_written": 24}
    manifest |= {"adapter": "edepsim_h5", "events_dropped": 1, "notes": {"outside": 7}}
    truth = {"truth": {"site_labels": True, "vertex": True, "mode": False}}
    (root / "shards" / "000.json").write_text(json.dumps(manifest | truth))
    (root / "data_quality.json").write_text(json.dumps(_quality(counts)))
    (root / "shift").mkdir()
    (root / "shift" / "train_test.json").write_text(json.dumps(make_shift()))
    (root / "benchmarks").mkdir()
    for job, seconds in (("simulate_000", 2.5), ("simulate_001", 1.5), ("train_tagger", 30.0)):
        (root / "benchmarks" / f"{job}.tsv").write_text(f"s\th:m:s\tmax_rss\tmax_vms\n{seconds}\t0:00:02\t200.0\t-\n")
    _write_model(config, "tagger", _segmentation(catalog), _sites())
    _write_model(config, "classifier", _classification(catalog), _sites().drop(columns=["prob0", "prob1", "prob2"]))


def _quality(counts: dict[str, int]) -> dict[str, Any]:
    """A source in two parts, and seeds that are not known."""
    found: list[tuple[str, int | None, bool | None, str | None]] = [
        ("source files in two parts", 1, False, "raw/000.h5"),
        ("images in two parts", 0, True, None),
        ("generator seeds in two parts", None, None, "not measured: the files state no seed"),
    ]
    limits = {"check": "leak", "low": None, "high": 0, "unit": ""}
    facts = {"num_events": 24, "charge_per_gev": [900.0, 1000.0, 1100.0], "correlation": 0.97}
    return {
        "checks": [limits | {"quantity": q, "value": v, "held": h, "note": note} for q, v, h, note in found],
        "balance": {"neutrino": {"all events": counts, "train": counts, "test": counts}},
        "visible": {"numu CC": facts},
    }


def make_shift() -> dict[str, Any]:
    """Two samples that a classifier tells apart a little."""
    distance = {"figure": "value_50", "plane": 1, "label": "neutrino", "distance": 0.4}
    samples = {"a": "packed/train.h5", "b": "packed/test.h5", "num_events": [16, 8]}
    return samples | {"auc": 0.61, "auc_error": 0.04, "reason": None, "distances": [distance]}


def make_validation() -> dict[str, Any]:
    """One value between its limits, one beyond, one that was not measured; histograms with a reference and without."""
    rows = [
        ("range of muons", 101.0, 97.0, 103.0, True, None),
        ("range of protons", 20.0, 9.0, 11.0, False, "<b>too far</b>"),
        ("vertex", None, None, 1.5, None, "not measured: give --reference"),
    ]
    names = ("quantity", "value", "low", "high", "held", "note")
    bins = {"quantity": "gap", "unit": "cm", "per": "event", "bins": [0.0, 1.0, 2.0], "counts": [0.6, 0.4]}
    return {
        "commit": "abc",
        "date": "2026-11-23",
        "rows": [{"check": "tracks", "unit": "cm"} | dict(zip(names, row, strict=True)) for row in rows],
        "figures": [
            {"name": "photon_gap", "label": "photons", "reference": [0.5, 0.5]} | bins,
            {"name": "shower_start", "label": "electrons", "reference": None} | bins,
            {"name": "shower_start", "label": "photons", "reference": None} | bins,
        ],
    }


def _catalog() -> pd.DataFrame:
    number = np.arange(NUM_EVENTS)
    columns: dict[str, Any] = {"shard": "shards/000.h5", "entry": number, "run": 0, "subrun": 0, "event": number}
    columns |= {"source": "raw/000.h5", "generator_seed": "1", "nu_pdg": 14, "charge_neutrino": 300.0 + 50.0 * number}
    columns |= {head: pd.array(number % len(HEAD_CLASSES[head]), "Int8") for head in HEADS}
    columns |= {"nu_energy_gev": 0.3 + 0.05 * number, "num_background": 4, "num_cosmic": 3, "num_neutrino": 2}
    return pd.DataFrame(columns | {f"num_sites_{plane}": 3 + number for plane in range(3)})


def _sites() -> pd.DataFrame:
    """Twelve sites a plane of event 3."""
    site = np.tile(np.arange(0, 192, 16), 3)
    label = np.tile([0, 1, 2], 12)
    prob = np.where(label[:, None] == np.arange(3), 0.8, 0.1)
    table = {"run": 0, "subrun": 0, "event": 3, "plane": np.repeat([0, 1, 2], 12), "site": site, "value": 1.0 + site}
    probabilities = {f"prob{k}": prob[:, k] for k in range(3)}
    return pd.DataFrame(table | {"label": label} | probabilities | {"kind": "best"})


def _entry(value: float, baseline: str, best: float) -> dict[str, Any]:
    return {
        "description": f"a metric of {value}",
        "value": value,
        "error": 0.01,
        "larger_is_better": True,
        "baselines": {baseline: {"value": best, "error": 0.005}},
        "best_baseline": baseline,
        "margin": value - best,
        "margin_error": 0.02,
    }


def _segmentation(catalog: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    kinds = ("cosmic_iou", "neutrino_iou", "background_iou_sites")
    metrics = {"mean_iou": _entry(0.7, "all_cosmic", 0.4), "accuracy": _entry(0.99, "all_cosmic", 0.991)}
    metrics |= {name: _entry(0.7, "all_cosmic", 0.4) for name in kinds}
    metrics |= {f"plane{plane}/{name}": _entry(0.7, "all_cosmic", 0.4) for plane in range(3) for name in kinds}
    confusion = {"classes": ["background", "cosmic", "neutrino"], "counts": [[5, 1, 0], [1, 20000, 1], [0, 1, 3]]}
    return catalog[[*KEY, "nu_energy_gev", *HEADS]].assign(score=0.5), {
        "metrics": metrics,
        "primary": ["mean_iou"],
        "beats_baselines": True,
        "not_available": {"neutrino_auc": "no neutrino site"},
        "baseline_rules": {"all_cosmic": "every stored site is cosmic"},
        "classes": {"sites": ["background", "cosmic", "neutrino"]},
        "confusion": {f"plane{plane}": confusion for plane in range(3)},
        "roc": [_curve("sites", "neutrino")],
    }


def _classification(catalog: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    predictions = catalog[[*KEY, "nu_energy_gev", *HEADS]].assign(score=-0.5)
    metrics = {"accuracy": _entry(0.6, "charge_tree", 0.61)}
    for head in HEADS:
        num_classes = len(HEAD_CLASSES[head])
        metrics[f"{head}/accuracy"] = _entry(0.6, "charge_tree", 0.61)
        predictions[f"{head}_true"] = catalog[head].astype(int)
        for k in range(num_classes):
            predictions[f"{head}_prob{k}"] = 1 / num_classes
    names = {head: list(HEAD_CLASSES[head]) for head in HEADS}
    return predictions, {
        "metrics": metrics,
        "primary": [f"{head}/accuracy" for head in HEADS],
        "beats_baselines": False,
        "not_available": {},
        "baseline_rules": {"charge_tree": "a tree"},
        "classes": names,
        "confusion": {h: {"classes": n, "counts": np.eye(len(n), dtype=int).tolist()} for h, n in names.items()},
        "roc": [_curve(head, names[head][0]) for head in HEADS],
    }


def _vertex(catalog: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Found a site beside the truth in plane 0, further and further off in space; the last event has no vertex."""
    has_vertex = np.arange(NUM_EVENTS) < NUM_EVENTS - 1
    truth: dict[str, Any] = {f"vertex_{axis}_cm": np.where(has_vertex, 10.0, np.nan) for axis in "xyz"}
    found: dict[str, Any] = {f"vertex_found_{axis}_cm": 10.0 + np.arange(NUM_EVENTS) for axis in "xyz"}
    found["vertex_distance_cm"] = np.where(has_vertex, np.sqrt(3.0) * np.arange(NUM_EVENTS), np.nan)
    for plane in range(3):
        found |= {
            f"plane{plane}_vertex_score": 0.7,
            f"plane{plane}_vertex_distance_cm": np.where(has_vertex, 1.2, np.nan),
        }
        for axis in (0, 1):
            found[f"plane{plane}_vertex_axis{axis}"] = 5.0 + (plane == 0)
            truth[f"plane{plane}_vertex_true_axis{axis}"] = np.where(has_vertex, 5.0, np.nan)
    metrics = {name: _entry(0.6, "mean_place", 0.1) for name in ("box_accuracy", "within_5cm", "combined/within_5cm")}
    metrics |= {f"plane{plane}/box_accuracy": _entry(0.6, "mean_place", 0.1) for plane in range(3)}
    return catalog[[*KEY, "nu_energy_gev", *HEADS]].assign(score=-1.2, **truth, **found), {
        "metrics": metrics,
        "primary": ["box_accuracy"],
        "beats_baselines": True,
        "not_available": {},
        "baseline_rules": {"mean_place": "the mean place"},
        "classes": {},
        "confusion": {},
        "roc": [],
    }


def _curve(group: str, name: str) -> dict[str, Any]:
    rates = {"false_positive_rate": [0.0, 0.2, 1.0], "true_positive_rate": [0.0, 0.9, 1.0]}
    return {"group": group, "class": name, "auc": 0.85, **rates}


def _write_model(config: Config, name: str, made: tuple[pd.DataFrame, dict[str, Any]], sites: pd.DataFrame) -> None:
    directory = config.root / "models" / name
    directory.mkdir(parents=True)
    predictions, summary = made
    predictions.to_parquet(directory / "predictions.parquet")
    sites.to_parquet(directory / "displays.parquet")
    model = config.models[name].model_dump(mode="json")
    metrics = {
        "name": name,
        "task": model["task"],
        "num_events": NUM_EVENTS,
        "data": "test.h5",
        "num_bootstrap": 20,
        "model": {
            "model": model,
            "num_planes": 3,
            "shape": list(SHAPE),
            "seed": 7,
            "version": "0.1.0",
            "commit": "abc",
        },
        "displays": [{"kind": "best", "run": 0, "subrun": 0, "event": 3, "score": float(predictions["score"].iloc[3])}],
    }
    (directory / "metrics.json").write_text(json.dumps(metrics | summary))
    lines: list[dict[str, Any]] = [
        {"step": step, "part": "train", "loss": 1 / step, "learning_rate": 1e-3, "events_per_s": 5.0}
        for step in range(10, 60, 10)
    ]
    lines.append({"step": 50, "part": "val", "loss": 0.1, summary.get("primary", ["sites/mean_iou"])[0]: 0.6})
    (directory / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    check = {"passed": True, "num_events": 4, "steps": 3, "first_loss": 1.2, "final_loss": 0.05, "max_loss": 0.1}
    (directory / "overfit.json").write_text(json.dumps(check | {"losses": [1.2, 0.4, 0.05]}))
