"""Figures of the evaluation: metrics beside baselines, confusion, ROC, metric against energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nuweave.report.figures.style import BLUE, CYCLE, GREY, INK, SITE_COLOURS


def iou_by_plane(metrics: Mapping[str, Mapping[str, Any]], planes: Sequence[str], classes: Sequence[str]) -> Figure:
    """Bars of the IoU of each class in each plane; a short line is the best trivial baseline.

    Args:
        metrics: of metrics.json.
        planes: "plane0", ...
        classes: background, cosmic, neutrino.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.4))
    width = 0.8 / len(classes)
    for i, name in enumerate(classes):
        kind = f"{name}_iou_sites" if name == "background" else f"{name}_iou"
        entries = [metrics[f"{plane}/{kind}"] for plane in planes]
        place = np.arange(len(planes)) + (i - (len(classes) - 1) / 2) * width
        errors = [entry["error"] or 0.0 for entry in entries]
        axis.bar(place, [entry["value"] for entry in entries], width * 0.92, color=SITE_COLOURS[i], label=name)
        axis.errorbar(place, [entry["value"] for entry in entries], errors, fmt="none", ecolor=INK, elinewidth=1.1)
        best = [max([rule["value"] for rule in entry["baselines"].values()], default=0.0) for entry in entries]
        axis.hlines(best, place - width / 2.1, place + width / 2.1, color=INK, linewidth=2.0)
    axis.plot([], [], color=INK, linewidth=2.0, label="best trivial baseline")
    axis.set_xticks(np.arange(len(planes)), [plane.replace("plane", "plane ") for plane in planes])
    axis.tick_params(axis="x", which="both", length=0)
    axis.set_ylabel("IoU")
    axis.set_ylim(0, 1.0)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.28), ncols=2, columnspacing=1.2, handlelength=1.2)
    return figure


def metric_bars(entries: Mapping[str, Mapping[str, Any]], ylabel: str) -> Figure:
    """One bar a group with its error; a short line is the best trivial baseline.

    Args:
        entries: label of the group -> entry of metrics.json.
        ylabel: what the bars show.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.4))
    place = np.arange(len(entries))
    values = [entry["value"] for entry in entries.values()]
    axis.bar(place, values, 0.62, color=BLUE, label="network")
    axis.errorbar(place, values, [entry["error"] or 0.0 for entry in entries.values()], fmt="none", ecolor=INK)
    best = [max([rule["value"] for rule in entry["baselines"].values()], default=0.0) for entry in entries.values()]
    axis.hlines(best, place - 0.35, place + 0.35, color=INK, linewidth=2.0, label="best trivial baseline")
    axis.set_xticks(place, [label.replace("_", "\n") for label in entries])
    axis.tick_params(axis="x", which="both", length=0)
    axis.set_ylabel(ylabel)
    axis.set_ylim(0, 1.0)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.17), ncols=2)
    return figure


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str], title: str) -> Figure:
    """Recall by colour, recall and counts in words; rows are the truth."""
    size = 0.7 * len(classes) + 1.4
    figure, axis = plt.subplots(figsize=(size + 0.7, size))
    total = counts.sum(axis=1, keepdims=True)
    recall = counts / np.maximum(total, 1)
    axis.imshow(recall, vmin=0, vmax=1, cmap="Blues")
    for row in range(len(classes)):
        for column in range(len(classes)):
            colour = "white" if recall[row, column] > 0.55 else INK
            text = f"{recall[row, column]:.3f}\n{_short(int(counts[row, column]))}"
            axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axis.set_xticks(np.arange(len(classes)), classes, rotation=20)
    axis.set_yticks(np.arange(len(classes)), classes)
    axis.tick_params(which="both", length=0)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_title(title)
    return figure


def roc_curves(curves: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """True against false positive rate, one line a class."""
    figure, axis = plt.subplots(figsize=(3.7, 3.6))
    axis.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.1, label="random")
    for i, curve in enumerate(curves):
        label = f"{curve['class']} (AUC {curve['auc']:.3f})"
        colour = CYCLE[i % len(CYCLE)]
        axis.plot(curve["false_positive_rate"], curve["true_positive_rate"], color=colour, label=label)
    axis.set_xlabel("false positive rate")
    axis.set_ylabel("true positive rate")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.01)
    axis.set_title(title)
    axis.legend(loc="lower right", fontsize=8.5)
    return figure


def score_by_energy(energy_gev: pd.Series[float], values: Mapping[str, pd.Series[float]], ylabel: str) -> Figure:
    """Mean of per-event values in bins of neutrino energy of even population, with the error of the mean."""
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    known = energy_gev.notna()
    num_bins = int(np.clip(known.sum() // 15, 2, 8))
    edges = np.unique(np.quantile(energy_gev[known], np.linspace(0, 1, num_bins + 1)))
    for i, (label, value) in enumerate(values.items()):
        usable = known & value.notna()
        groups = value[usable].groupby(pd.cut(energy_gev[usable], edges.tolist(), include_lowest=True), observed=False)
        mean, error = groups.mean().to_numpy(float), groups.sem().fillna(0).to_numpy(float)
        centre = (edges[1:] + edges[:-1]) / 2 + (i - (len(values) - 1) / 2) * 0.01 * (edges[-1] - edges[0])
        half_width = np.diff(edges) / 2
        axis.errorbar(centre, mean, yerr=error, xerr=half_width, fmt="o", markersize=4.5, elinewidth=1.1, label=label)
    axis.set_xlabel("neutrino energy [GeV]")
    axis.set_ylabel(ylabel)
    axis.set_ylim(0, 1.05)
    axis.legend(fontsize=8.5, loc="lower right")
    return figure


def distance_curves(distances_cm: Mapping[str, pd.Series[float]], near_cm: float) -> Figure:
    """Share of the vertices that are found within a distance, one line a way of measuring it.

    Args:
        distances_cm: of each event, nan without a vertex.
        near_cm: where a vertical line stands.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.4))
    for label, distance in distances_cm.items():
        ordered = np.sort(distance.dropna().to_numpy(float))
        axis.step(ordered, np.arange(1, len(ordered) + 1) / max(len(ordered), 1), where="post", label=label)
    axis.axvline(near_cm, color=GREY, linestyle="--", linewidth=1.1, label=f"{near_cm:g} cm")
    axis.set_xscale("log")
    axis.set_xlabel("distance between found and true vertex [cm]")
    axis.set_ylabel("share of vertices")
    axis.set_ylim(0, 1.02)
    axis.legend(fontsize=8.5, loc="upper left")
    return figure


def _short(count: int) -> str:
    """1234567 as 1.23 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if count >= size:
            return f"{count / (1e3 if unit == 'k' else size):.3g} {unit}"
    return str(count)
