"""The metrics of each model beside the trivial baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nuweave.report.figures import results as figures
from nuweave.report.figures.style import Picture, svg
from nuweave.report.gather import ModelTables, RunTables
from nuweave.report.sections.blocks import Block, Grid, Part, best_baseline, margin, number, with_error, words


def results_part(tables: RunTables) -> Part:
    """A block for each model."""
    return Part("results", "Results", "Results", [_block(model) for model in tables.models])


def _block(model: ModelTables) -> Block:
    metrics = model.metrics
    if not metrics["metrics"]:
        reasons = sorted(set(metrics["not_available"].values()))
        return Block(
            model.name, [f"No metric can be given: {'; '.join(reasons)}. The predictions are saved all the same."]
        )
    samples = metrics["num_bootstrap"]
    text = [
        f"{metrics['num_events']} events of {metrics['data']}. Errors are the spread over {samples} bootstrap samples "
        "of the events; the error of a margin uses the same samples for both sides."
    ]
    is_segmentation = metrics["task"]["kind"] == "segmentation"
    pictures = _segmentation_pictures(model) if is_segmentation else _classification_pictures(model)
    return Block(model.name, text, pictures=pictures, grids=[*_metric_grids(metrics), _rule_grid(metrics)])


def _segmentation_pictures(model: ModelTables) -> list[Picture]:
    metrics = model.metrics["metrics"]
    planes = list(model.metrics["confusion"])
    classes = model.metrics["classes"]["sites"]
    spoken = "; ".join(
        f"{words(plane)}: " + ", ".join(f"{name} {number(metrics[_iou(plane, name)]['value'])}" for name in classes)
        for plane in planes
    )
    return [
        svg(
            figures.iou_by_plane(metrics, planes, classes),
            alt=f"Bars of IoU by plane and class of {model.name}. {spoken}.",
            caption="IoU over stored sites by plane and class, sites of all events pooled; the lines are the best "
            "trivial baseline for each bar.",
        ),
        *_roc_pictures(model),
        *_energy_pictures(model, {"event score": model.predictions["score"].astype(float)}, "mean IoU of the event"),
        *_confusion_pictures(model),
    ]


def _classification_pictures(model: ModelTables) -> list[Picture]:
    metrics, heads = model.metrics["metrics"], list(model.metrics["confusion"])
    entries = {head: metrics[f"{head}/accuracy"] for head in heads}
    right = {words(head): _is_right(model.predictions, head, len(model.metrics["classes"][head])) for head in heads}
    spoken = ", ".join(f"{words(head)} {number(entry['value'])}" for head, entry in entries.items())
    return [
        svg(
            figures.metric_bars(entries, "accuracy"),
            alt=f"Bars of the accuracy of each head of {model.name}: {spoken}.",
            caption="Accuracy of each head; the lines are the best trivial baseline.",
        ),
        *_energy_pictures(model, right, "accuracy"),
        *_confusion_pictures(model),
        *_roc_pictures(model),
    ]


def _confusion_pictures(model: ModelTables) -> list[Picture]:
    pictures = []
    for group, table in model.metrics["confusion"].items():
        counts = np.array(table["counts"], np.int64)
        recall = np.diag(counts) / np.maximum(counts.sum(axis=1), 1)
        spoken = ", ".join(f"{name} {number(float(one))}" for name, one in zip(table["classes"], recall, strict=True))
        pictures.append(
            svg(
                figures.confusion_matrix(counts, table["classes"], words(group)),
                alt=f"Confusion matrix of {words(group)}, rows truth; recall: {spoken}.",
                caption=f"{words(group).capitalize()}: share of each true class (row) by prediction, and counts.",
            )
        )
    return pictures


def _roc_pictures(model: ModelTables) -> list[Picture]:
    curves: list[dict[str, Any]] = model.metrics["roc"]
    pictures = []
    for group in dict.fromkeys(curve["group"] for curve in curves):
        chosen = [curve for curve in curves if curve["group"] == group]
        spoken = ", ".join(f"{curve['class']} {number(curve['auc'])}" for curve in chosen)
        title = "neutrino sites" if group == "sites" else words(group)
        pictures.append(
            svg(
                figures.roc_curves(chosen, title),
                alt=f"ROC curves of {title}; area: {spoken}.",
                caption=f"ROC of {title}, one class against the rest.",
            )
        )
    return pictures


def _energy_pictures(model: ModelTables, values: dict[str, pd.Series[float]], ylabel: str) -> list[Picture]:
    energy = model.predictions["nu_energy_gev"].astype(float)
    if energy.nunique() < 10:
        return []
    return [
        svg(
            figures.score_by_energy(energy, values, ylabel),
            alt=f"{ylabel} of {model.name} in bins of neutrino energy.",
            caption=f"{ylabel[0].upper()}{ylabel[1:]} by true neutrino energy, bins of even population.",
        )
    ]


def _is_right(predictions: pd.DataFrame, head: str, num_classes: int) -> pd.Series[float]:
    """1 where the most probable class is the true one, 0 where not, nan without truth."""
    truth = predictions[f"{head}_true"]
    best = predictions[[f"{head}_prob{k}" for k in range(num_classes)]].to_numpy().argmax(axis=1)
    return pd.Series(np.where(truth >= 0, truth == best, np.nan), index=predictions.index)


def _metric_grids(metrics: dict[str, Any]) -> list[Grid]:
    """The means first, then every plane or head folded."""
    entries: dict[str, dict[str, Any]] = metrics["metrics"]
    primary = entries[metrics["primary"][0]]
    rules = list(primary["baselines"])
    head = ["metric", "network", "best trivial baseline", "margin", *(words(rule) for rule in rules)]
    rows = {
        name: [
            words(name),
            with_error(entry["value"], entry["error"]),
            best_baseline(entry),
            margin(entry),
            *(number(entry["baselines"].get(rule, {}).get("value")) for rule in rules),
        ]
        for name, entry in entries.items()
    }
    means = [name for name in entries if "/" not in name]
    over = "planes" if metrics["task"]["kind"] == "segmentation" else "heads"
    notes = [str(entries[name]["description"]) for name in means]
    grids = [Grid(f"Metrics, mean over the {over}", head, [rows[name] for name in means], notes)]
    single = [rows[name] for name in entries if "/" in name]
    if single:
        grids.append(Grid(f"Metrics of single {over}", head, single, folded=True))
    if metrics["not_available"]:
        reasons = [[words(name), reason] for name, reason in metrics["not_available"].items()]
        grids.append(Grid("Not available", ["metric", "reason"], reasons))
    return grids


def _rule_grid(metrics: dict[str, Any]) -> Grid:
    rows = [[words(name), rule] for name, rule in metrics["baseline_rules"].items()]
    return Grid("The trivial baselines", ["baseline", "rule"], rows, folded=True)


def _iou(plane: str, name: str) -> str:
    return f"{plane}/{name}_iou_sites" if name == "background" else f"{plane}/{name}_iou"
