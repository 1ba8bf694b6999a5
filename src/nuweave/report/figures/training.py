"""Figures of the training: loss, metrics, learning rate, speed, gradient, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from nuweave.report.figures.style import BLUE, CYCLE, GREEN, GREY, PURPLE, VERMILION


def loss_curve(history: pd.DataFrame) -> Figure:
    """Training and validation loss by step."""
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    train, val = (history[history["part"] == part] for part in ("train", "val"))
    axis.plot(train["step"], train["loss"], color=BLUE, alpha=0.35, linewidth=1.0)
    smooth = train["loss"].rolling(9, center=True, min_periods=1).mean()
    axis.plot(train["step"], smooth, color=BLUE, label="train (and running mean)")
    if len(val):
        axis.plot(val["step"], val["loss"], "o-", color=VERMILION, markersize=4.5, label="validation")
    axis.set_xlabel("step")
    axis.set_ylabel("loss")
    axis.set_ylim(bottom=0)
    axis.legend()
    return figure


def metric_curves(history: pd.DataFrame, metrics: Mapping[str, str]) -> Figure:
    """Metrics by step: dots and full lines validation, thin lines training.

    Args:
        history: a row a line of metrics.jsonl.
        metrics: column -> how it is called.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    for i, (name, title) in enumerate(metrics.items()):
        colour = CYCLE[i % len(CYCLE)]
        for part, look in (("train", {"alpha": 0.35, "linewidth": 1.0}), ("val", {"marker": "o", "markersize": 4.5})):
            rows = history.loc[history["part"] == part, ["step", name]].dropna()
            if len(rows):
                label = title if part == "val" else None
                axis.plot(rows["step"], rows[name], color=colour, label=label, **look)
    axis.set_xlabel("step")
    axis.set_ylabel("metric")
    axis.set_ylim(0, 1.02)
    if axis.get_legend_handles_labels()[1]:
        axis.legend(loc="lower right")
    return figure


def rate_and_speed(history: pd.DataFrame) -> Figure:
    """Learning rate and, where it was written, events a second by step."""
    return _panels(history, [("learning_rate", "learning rate", BLUE), ("events_per_s", "events / s", GREEN)])


def norm_and_memory(history: pd.DataFrame) -> Figure:
    """Norm of the gradient, and memory (of the GPU where there was one), by step; each where it was written."""
    has_gpu = "device_memory_gb" in history
    memory = ("device_memory_gb", "GPU memory [GB]", GREY) if has_gpu else ("memory_gb", "memory [GB]", GREY)
    return _panels(history, [("gradient_norm", "gradient norm", PURPLE), memory])


def _panels(history: pd.DataFrame, wanted: Sequence[tuple[str, str, str]]) -> Figure:
    """A panel a column of the training records: (column, label, colour); those that were never written are left out."""
    train = history[history["part"] == "train"]
    panels = [panel for panel in wanted if panel[0] in train and train[panel[0]].notna().any()]
    figure, axes = plt.subplots(len(panels), 1, figsize=(4.6, 3.2), sharex=True, squeeze=False)
    for axis, (column, label, colour) in zip(axes[:, 0], panels, strict=True):
        axis.plot(train["step"], train[column], color=colour)
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.1 * float(train[column].max()) or None)
        axis.ticklabel_format(axis="y", scilimits=(-2, 4))
    axes[-1, 0].set_xlabel("step")
    figure.subplots_adjust(hspace=0.18)
    return figure


def overfit_curve(losses: Sequence[float], max_loss: float) -> Figure:
    """Loss of the overfit check by step, down to what counts as near zero."""
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    axis.semilogy(range(1, len(losses) + 1), losses, color=BLUE, label="loss on a few events")
    axis.axhline(max_loss, color=VERMILION, linestyle="--", linewidth=1.2, label=f"counts as learnt: {max_loss:g}")
    axis.set_xlabel("step")
    axis.set_ylabel("loss")
    axis.legend()
    return figure
