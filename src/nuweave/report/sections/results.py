"""The metrics of each model beside the trivial baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nuweave.report.figures import results as figures
from nuweave.report.figures.style import Picture, svg
from nuweave.report.gather import ModelTables, RunTables
from nuweave.report.sections.blocks import Block, Grid, Part, best_baseline, margin, number, with_error, words

BOXES, COMBINED = "box_accuracy", "combined/"
NEAR_CM = 5.0


def results_part(tables: RunTables) -> Part:
    """A block for each model, and for each of its tasks where it has several."""
    return Part("results", "Results", "Results", [_block(part) for model in tables.models for part in model.parts])


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
    draw = {
        "segmentation": _segmentation_pictures,
        "event_classification": _classification_pictures,
        "vertex": _vertex_pictures,
    }
    pictures = draw[metrics["task"]["kind"]](model)
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


def _vertex_pictures(model: ModelTables) -> list[Picture]:
    table, metrics = model.predictions, model.metrics["metrics"]
    planes = {f"plane {plane}": f"plane{plane}" for plane in range(model.metrics["model"]["num_planes"])}
    found = {plane: name for plane, name in planes.items() if f"{name}/{BOXES}" in metrics}
    distances = {plane: table[f"{name}_vertex_distance_cm"].astype(float) for plane, name in found.items()}
    distances["in space"] = table["vertex_distance_cm"].astype(float)
    distances = {name: one for name, one in distances.items() if one.notna().any()}
    entries = {plane: metrics[f"{name}/{BOXES}"] for plane, name in found.items()}
    medians = ", ".join(f"{name} {number(float(one.median()), 1)} cm" for name, one in distances.items())
    near = {name: one.le(NEAR_CM).astype(float).where(one.notna()) for name, one in distances.items()}
    return [
        svg(
            figures.distance_curves(distances, NEAR_CM),
            alt=f"Share of vertices found within a distance, {model.name}; medians: {medians}.",
            caption=f"Share of the vertices found within a distance, in each plane and in space; medians: {medians}.",
        ),
        svg(
            figures.metric_bars(entries, "vertices in the best box"),
            alt="Bars of the share of vertices in the best box: "
            + ", ".join(f"{plane} {number(entry['value'])}" for plane, entry in entries.items())
            + ".",
            caption="Share of the vertices that lie in the best box; the lines are the best trivial baseline.",
        ),
        *_energy_pictures(model, near, f"share of vertices within {NEAR_CM:g} cm"),
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
    over = "heads" if metrics["task"]["kind"] == "event_classification" else "planes"
    joint = [name for name in entries if name.startswith(COMBINED)]
    means = [*(name for name in entries if "/" not in name), *joint]
    notes = [str(entries[name]["description"]) for name in means]
    caption = f"Metrics, mean over the {over}" + (", and of all planes combined" if joint else "")
    grids = [Grid(caption, head, [rows[name] for name in means], notes)]
    single = [rows[name] for name in entries if name not in means]
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
