"""Figures of the events themselves: balance of the classes, energy, sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nuweave.report.figures.style import CYCLE, GREY, PALE_TO_DARK, VERMILION

Counts = Mapping[str, Mapping[str, int]]


def class_balance(before: Counts, after: Counts) -> Figure:
    """Events of each class in each part, before (pale) and after (full) balancing.

    Args:
        before: part -> class -> events.
        after: the same after some were left out.
    """
    figure, axes = plt.subplots(1, len(before), figsize=(2.5 * len(before) + 0.9, 2.9), squeeze=False)
    for axis, part in zip(axes[0], before, strict=True):
        classes = list(before[part])
        place = np.arange(len(classes))
        colours = [CYCLE[i % len(CYCLE)] for i in place]
        old = [before[part][name] for name in classes]
        new = [after.get(part, {}).get(name, 0) for name in classes]
        axis.bar(place - 0.2, old, 0.38, color=colours, alpha=0.35)
        bars = axis.bar(place + 0.2, new, 0.38, color=colours)
        axis.bar_label(bars, fontsize=8, padding=1)
        axis.set_xticks(place, classes, rotation=20 if len(classes) > 2 else 0)
        axis.tick_params(axis="x", which="both", length=0)
        axis.set_title(f"{part}: {sum(old)} to {sum(new)}")
        axis.set_ylim(0, 1.15 * max([*old, *new, 1]))
        axis.margins(x=0.08)
    axes[0][0].set_ylabel("events")
    figure.tight_layout(w_pad=1.2)
    return figure


def energy_spectrum(energy_gev: pd.Series[float], classes: pd.Series[str], order: Sequence[str]) -> Figure:
    """Histogram of the neutrino energy, stacked by class.

    Args:
        energy_gev: of each event, nan without a neutrino.
        classes: name of the class of each event.
        order: names of the classes from the bottom up; those without events are left out.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    known = energy_gev.notna()
    names = [name for name in order if (classes[known] == name).any()]
    groups = [energy_gev[known & (classes == name)].to_numpy(float) for name in names]
    top = float(np.quantile(energy_gev[known], 0.995)) if known.any() else 1.0
    axis.hist(groups, bins=np.linspace(0, top, 31).tolist(), stacked=True, label=names, alpha=0.9)
    axis.set_xlabel("neutrino energy [GeV]")
    axis.set_ylabel("events")
    axis.legend()
    return figure


def visible_energy(
    energy_gev: pd.Series[float], charge: pd.Series[float], classes: pd.Series[str], order: Sequence[str]
) -> Figure:
    """Events in energy and charge, a panel a class, with the median of the charge in bins of even population.

    Args:
        energy_gev: of the neutrino of each event.
        charge: summed values of its sites.
        classes: name of the class of each event.
        order: names of the classes from left to right, each with events.
    """
    figure, axes = plt.subplots(1, len(order), figsize=(2.9 * len(order) + 0.9, 3.2), sharey=True, squeeze=False)
    top, most = (max(float(np.quantile(values, 0.995)), 1e-6) for values in (energy_gev, charge))
    power = max(3 * int(np.log10(most) // 3), 0)
    grid = [np.linspace(0, edge, 31) for edge in (top, most / 10**power)]
    for axis, name in zip(axes[0], order, strict=True):
        energy, seen = (values[classes == name].to_numpy(float) for values in (energy_gev, charge / 10**power))
        counts, *_ = np.histogram2d(energy, seen, bins=grid)
        axis.pcolormesh(*grid, np.where(counts > 0, counts, np.nan).T, cmap=PALE_TO_DARK, rasterized=True)
        edges = np.unique(np.quantile(energy, np.linspace(0, 1, min(8, len(energy) // 5) + 1)))
        bins = [(energy >= low) & (energy <= high) for low, high in pairwise(edges)]
        low, middle, high = np.array([np.quantile(seen[inside], [0.16, 0.5, 0.84]) for inside in bins]).reshape(-1, 3).T
        place = [np.median(energy[inside]) for inside in bins]
        axis.errorbar(place, middle, [middle - low, high - middle], color=VERMILION, marker="o", markersize=4)
        axis.set_title(f"{name}: {len(energy)}")
        axis.set_xlabel("neutrino energy [GeV]")
        axis.set_xlim(grid[0][0], grid[0][-1])
        axis.set_ylim(grid[1][0], grid[1][-1])
    axes[0][0].set_ylabel("summed values, neutrino sites" + (f" [$10^{power}$]" if power else ""))
    figure.tight_layout(w_pad=1.2)
    return figure


def sites_per_plane(sites: Mapping[str, pd.Series[int]]) -> Figure:
    """Histogram of the stored sites of an event in each plane."""
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    high = max(float(counts.quantile(0.995)) for counts in sites.values())
    edges = np.linspace(0, max(high, 1.0) * 1.02, 41).tolist()
    for plane, counts in sites.items():
        axis.hist(counts.to_numpy(float), bins=edges, histtype="step", linewidth=1.7, label=plane)
    axis.set_xlabel("stored sites an event")
    axis.set_ylabel("events")
    axis.legend()
    return figure


def times_of_rules(seconds: pd.Series[float]) -> Figure:
    """Bars of the time of each rule, its jobs together.

    Args:
        seconds: by rule, in the order of the workflow.
    """
    figure, axis = plt.subplots(figsize=(6.2, 0.36 * len(seconds) + 0.9))
    bars = axis.barh(np.arange(len(seconds)), seconds.to_numpy(float), color=CYCLE[0], height=0.62)
    axis.bar_label(bars, [f"{value:.3g} s" for value in seconds], fontsize=9, padding=4)
    axis.set_yticks(np.arange(len(seconds)), list(seconds.index))
    axis.tick_params(axis="y", which="both", length=0)
    axis.invert_yaxis()
    axis.set_xlabel("time, all jobs of the rule [s]")
    axis.set_xlim(0, 1.18 * float(seconds.max()))
    axis.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.7)
    axis.set_axisbelow(True)
    return figure
