"""Event displays: the charge, the truth and the prediction of every plane, site by site.

Shapes: N sites; a view is what one panel shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nuweave.report.figures.style import INK, PALE_TO_DARK, PURPLE, SITE_COLOURS

VERTEX_MARKS: dict[str, dict[str, Any]] = {
    "true vertex": {"marker": "o", "markersize": 11, "markerfacecolor": "none", "color": INK, "linestyle": ""},
    "found vertex": {"marker": "X", "markersize": 8, "markeredgecolor": "white", "color": PURPLE, "linestyle": ""},
}
_PANEL_INCHES = (3.45, 2.5)


@dataclass(frozen=True)
class View:
    """Sites as one panel shows them.

    Attributes:
        title: of the row.
        sites: value, label and, where there is a prediction, `predicted`; with columns h and v, the place.
        names: of the horizontal and the vertical axis.
        extent: h low, h high, v low, v high.
        points: kind of a vertex, of VERTEX_MARKS -> its place, h and v.
    """

    title: str
    sites: pd.DataFrame
    names: tuple[str, str]
    extent: tuple[float, float, float, float]
    points: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def views_of_event(
    sites: pd.DataFrame,
    shape: Sequence[int],
    names: Sequence[Sequence[str]],
    *,
    around: int | None = None,
    points: Mapping[str, NDArray[np.float64]] | None = None,
) -> list[View]:
    """The panels of an event: one a plane for wire planes, the three projections for voxels.

    Args:
        sites: plane, site, value, label, and prob0 to prob2 of a segmentation.
        shape: sites along each axis of an image.
        names: of the axes of each plane's image.
        around: show only the box of the sites with this label, with some room; None shows the whole image.
        points: kind of a vertex, of VERTEX_MARKS -> float64[planes, axes of an image], nan where there is none.
    """
    table = sites.copy()
    if "prob2" in table:
        table["predicted"] = table[["prob0", "prob1", "prob2"]].to_numpy().argmax(axis=1)
    coords = np.stack(np.unravel_index(table["site"].to_numpy(np.int64), tuple(shape)), axis=1)
    if len(shape) == 2:
        stored = int(table["plane"].max()) + 1 if len(table) else 1
        planes = range(max([stored, *(len(places) for places in (points or {}).values())]))
        rows = [(f"plane {plane}", (table["plane"] == plane).to_numpy(), (0, 1), plane) for plane in planes]
    else:
        everywhere = np.ones(len(table), bool)
        pairs = [(2, 1), (2, 0), (0, 1)]
        rows = [("voxels", everywhere, pair, 0) for pair in pairs]
    views = []
    for title, keep, pair, plane in rows:
        placed = table[keep].assign(h=coords[keep, pair[0]], v=coords[keep, pair[1]])
        whole = (0.0, float(shape[pair[0]]), 0.0, float(shape[pair[1]]))
        extent = whole if around is None else _box(placed, around, whole)
        marks = {
            kind: (float(places[plane, pair[0]]), float(places[plane, pair[1]]))
            for kind, places in (points or {}).items()
            if np.isfinite(places[plane]).all()
        }
        views.append(View(title, placed, (names[plane][pair[0]], names[plane][pair[1]]), extent, marks))
    return views


def segmentation_display(views: Sequence[View]) -> Figure:
    """A row a view: charge, truth, prediction side by side."""
    columns = ("charge", "truth", "prediction") if views[0].sites["label"].ge(0).any() else ("charge", "prediction")
    figure, axes = _panels(len(views), len(columns), legend_inches=0.35)
    for view, row in zip(views, axes, strict=True):
        for axis, column in zip(row, columns, strict=True):
            if column == "charge":
                _draw_charge(axis, view)
            else:
                _draw_labels(axis, view, "label" if column == "truth" else "predicted")
            _draw_points(axis, view)
            _frame(axis, view, is_first=axis is row[0])
            axis.set_title(f"{view.title}: {column}" if column == "charge" else column)
    handles = [
        Line2D([], [], marker="s", linestyle="", color=SITE_COLOURS[label], label=name, markersize=7)
        for label, name in enumerate(("background", "cosmic", "neutrino"))
    ]
    handles += _point_handles(views)
    figure.legend(handles=handles, loc="lower center", ncols=len(handles))
    return figure


def charge_display(views: Sequence[View]) -> Figure:
    """One panel a view: the charge that the network saw."""
    handles = _point_handles(views)
    figure, axes = _panels(1, len(views), legend_inches=0.35 if handles else 0.0)
    for number, (view, axis) in enumerate(zip(views, axes[0], strict=True)):
        _draw_charge(axis, view)
        _draw_points(axis, view)
        _frame(axis, view, is_first=number == 0 or view.names[1] != views[number - 1].names[1])
        axis.set_title(view.title)
    if handles:
        figure.legend(handles=handles, loc="lower center", ncols=len(handles))
    return figure


def _panels(num_rows: int, num_columns: int, *, legend_inches: float = 0.0) -> tuple[Figure, NDArray[np.object_]]:
    """Axes at fixed places: matplotlib's own layout engines take seconds for a figure of many panels."""
    width, height = _PANEL_INCHES[0] * num_columns, _PANEL_INCHES[1] * num_rows + legend_inches
    figure, axes = plt.subplots(num_rows, num_columns, figsize=(width, height), squeeze=False)
    figure.subplots_adjust(
        left=0.55 / width,
        right=1 - 0.45 / width,
        bottom=(0.45 + legend_inches) / height,
        top=1 - 0.3 / height,
        wspace=0.27,
        hspace=0.38,
    )
    return figure, axes


def _draw_charge(axis: Axes, view: View) -> None:
    sites = view.sites[view.sites["value"] > 0].sort_values("value")
    if sites.empty:
        return
    low, high = (max(float(edge), 1e-6) for edge in np.quantile(sites["value"], [0.05, 0.995]))
    norm = LogNorm(low, max(high, 1.01 * low))
    points = axis.scatter(
        sites["h"], sites["v"], c=sites["value"], s=_area(view), marker="s", linewidths=0, cmap=PALE_TO_DARK, norm=norm
    )
    bar = axis.figure.colorbar(points, cax=axis.inset_axes((1.015, 0.0, 0.03, 1.0)))
    ticks = np.geomspace(low, max(high, 1.01 * low), 3)
    bar.set_ticks(ticks.tolist(), labels=[f"{tick:.3g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=7, length=2)
    bar.outline.set_linewidth(0.6)


def _draw_labels(axis: Axes, view: View, column: str) -> None:
    """Larger labels are drawn later, so that the neutrino lies on top."""
    for label, colour in SITE_COLOURS.items():
        sites = view.sites[view.sites[column] == label]
        axis.scatter(sites["h"], sites["v"], c=colour, s=_area(view), marker="s", linewidths=0)


def _draw_points(axis: Axes, view: View) -> None:
    for kind, place in view.points.items():
        axis.plot(*place, **VERTEX_MARKS[kind])


def _point_handles(views: Sequence[View]) -> list[Line2D]:
    """A line of the legend for each kind of vertex that any view shows."""
    return [
        Line2D([], [], label=kind, **style)
        for kind, style in VERTEX_MARKS.items()
        if any(kind in v.points for v in views)
    ]


def _frame(axis: Axes, view: View, *, is_first: bool) -> None:
    axis.set_xlim(view.extent[:2])
    axis.set_ylim(view.extent[2:])
    axis.set_xlabel(view.names[0], fontsize=8.5)
    if is_first:
        axis.set_ylabel(view.names[1], fontsize=8.5)
    axis.locator_params(nbins=6)
    axis.minorticks_off()
    axis.tick_params(labelsize=7.5, top=False, right=False, length=3)


def _area(view: View) -> float:
    """Marker area so that a site is about as large as it is, and never too small to be seen."""
    left, right, bottom, top = view.extent
    width, height = (72 * 0.78 * inches for inches in _PANEL_INCHES)  # of the axes in the panel [points]
    side = max(width / max(right - left, 1.0), height / max(top - bottom, 1.0))
    return float(np.clip(1.2 * side, 1.1, 10.0) ** 2)


def _box(
    sites: pd.DataFrame, label: int, whole: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """The range of the sites of a label with a fifth of it around; the whole view where there is none."""
    chosen = sites[sites["label"] == label]
    if chosen.empty:
        return whole
    box: list[float] = []
    for name, (low, high) in (("h", whole[:2]), ("v", whole[2:])):
        first, last = (float(edge) for edge in np.quantile(chosen[name], [0.005, 0.995]))
        room = max(0.2 * (last - first), 8.0)
        box += [max(first - room, low), min(last + room, high)]
    return (box[0], box[1], box[2], box[3])
