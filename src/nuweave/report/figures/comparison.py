"""Figures of simulation beside reference, and of the distance between two samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nuweave.report.figures.style import BLUE, CYCLE, GREY, INK

MOST_COLUMNS = 3
LOG_FROM = 50.0  # largest over smallest edge


def histograms(given: Sequence[Mapping[str, Any]]) -> Figure:
    """Histograms of one quantity: in one panel where none has a reference, else a panel each with its reference.

    Args:
        given: label, quantity, unit, per, bins (edges), counts, reference (as counts, or None) of each.
    """
    if all(one["reference"] is None for one in given):
        figure, axis = plt.subplots(figsize=(4.6, 3.2))
        for one, colour in zip(given, CYCLE * len(given), strict=False):
            axis.stairs(one["counts"], one["bins"], color=colour, linewidth=1.7, label=one["label"])
        _name_axes(axis, given[0])
        axis.legend()
        return figure
    columns = min(len(given), MOST_COLUMNS)
    rows = -(-len(given) // columns)
    size = (4.6, 3.2) if columns == 1 else (3.2 * columns, 2.6 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axis, one in zip(axes.flat, given, strict=False):
        axis.stairs(one["counts"], one["bins"], fill=True, color=BLUE, alpha=0.35, label="simulation")
        if one["reference"] is not None:
            axis.stairs(one["reference"], one["bins"], color=INK, linewidth=1.7, label="reference")
        axis.set_title(one["label"])
        _name_axes(axis, one)
    axes[0][0].legend()
    for axis in axes.flat[len(given) :]:
        axis.remove()
    figure.tight_layout(w_pad=1.2)
    return figure


def distance_bars(distances: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Figure:
    """Bars of the distance of two samples in each of their figures.

    Args:
        distances: of shift.json.
        names: of each in words.
    """
    figure, axis = plt.subplots(figsize=(6.2, 0.3 * len(distances) + 0.9))
    values = [one["distance"] for one in distances]
    bars = axis.barh(np.arange(len(values)), values, color=BLUE, height=0.62)
    axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=8.5, padding=4)
    axis.set_yticks(np.arange(len(values)), list(names))
    axis.tick_params(axis="y", which="both", length=0)
    axis.invert_yaxis()
    axis.set_xlim(0, 1.15 * max([*values, 0.1]))
    axis.set_xlabel("distance [standard deviations]")
    axis.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.7)
    axis.set_axisbelow(True)
    return figure


def _name_axes(axis: Axes, one: Mapping[str, Any]) -> None:
    axis.set_xlabel(f"{one['quantity']} [{one['unit']}]" if one["unit"] else one["quantity"])
    axis.set_ylabel(f"entries per {one['per']}")
    axis.set_ylim(bottom=0)
    if one["bins"][0] > 0 and one["bins"][-1] > LOG_FROM * one["bins"][0]:
        axis.set_xscale("log")
