"""Simulation against reference, and how far samples are apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nuweave.report.figures import comparison as figures
from nuweave.report.figures.style import Picture, svg
from nuweave.report.sections.blocks import Block, Grid, integer, number, significant, with_error, words

MOST_BARS = 12
SAMPLES = {"train_test": "training against test", "reference": "this run against the reference"}


def validation_block(validation: Mapping[str, Any] | None) -> Block:
    """Every check of `nuweave validate` and its histograms."""
    title = "Simulation against reference"
    if validation is None:
        how = "nuweave validate --json FILE makes the checks, report.validation=FILE shows them here"
        return Block(title, [f"The simulation was not compared with measured values in this run: {how}."])
    rows = validation["rows"]
    held, wrong = (sum(row["held"] is verdict for row in rows) for verdict in (True, False))
    text = f"Of {integer(len(rows))} values, {integer(held)} are between their limits, {integer(wrong)} are not."
    facts = {"written": str(validation["date"]), "commit": str(validation["commit"] or "unknown")[:12]}
    missed = [row for row in rows if row["held"] is False]
    grids = [_values("Values beyond their limits", missed)] if missed else []
    grids.append(_values("Every value beside its limits", rows, folded=True))
    return Block(title, [text], facts, pictures=_histograms(validation["figures"]), grids=grids)


def _values(caption: str, rows: Sequence[Mapping[str, Any]], *, folded: bool = False) -> Grid:
    return Grid(
        caption,
        ["quantity", "check", "value", "limits"],
        [[row["quantity"], row["check"], _value(row), _limits(row)] for row in rows],
        notes=[row["note"] or "" for row in rows],
        verdicts=[row["held"] for row in rows],
        folded=folded,
    )


def _histograms(given: list[dict[str, Any]]) -> list[Picture]:
    pictures = []
    for name in dict.fromkeys(one["name"] for one in given):
        group = [one for one in given if one["name"] == name]
        labels = ", ".join(one["label"] for one in group)
        has_reference = any(one["reference"] is not None for one in group)
        what = f"{words(name)}: {labels}" + ("; the line is the reference" if has_reference else "")
        wide = has_reference and len(group) > 1
        pictures.append(
            svg(figures.histograms(group), alt=f"Histograms of {what}.", caption=f"Histograms of {what}.", wide=wide)
        )
    return pictures


def shifts_block(shifts: Mapping[str, Mapping[str, Any]]) -> Block:
    """How far apart pairs of samples are."""
    title = "Shift between samples"
    if not shifts:
        how = "report.reference=FILE compares the images with those of a larcv3 file"
        return Block(title, [f"No two samples were compared: nothing was split, and {how}."])
    text = (
        "How well a classifier tells events of two samples apart by figures of their images (area under its ROC curve "
        "on events that it was not trained with: 0.5 where it cannot, 1 where it always can), and how far each figure "
        "is from one sample to the other, in standard deviations of both together."
    )
    rows = [[SAMPLES[name], " and ".join(map(integer, one["num_events"]))] for name, one in shifts.items()]
    notes = [f"{one['a']} and {one['b']}" + (f": {one['reason']}" if one["reason"] else "") for one in shifts.values()]
    grid = Grid("Samples", ["samples", "events"], rows, notes=notes)
    facts = {
        f"AUC, {SAMPLES[name]}": "not measured" if one["auc"] is None else with_error(one["auc"], one["auc_error"])
        for name, one in shifts.items()
    }
    pictures = [picture for name, one in shifts.items() for picture in _distances(SAMPLES[name], one)]
    every = [_all_distances(SAMPLES[name], one) for name, one in shifts.items()]
    return Block(title, [text], facts, pictures, [grid, *every])


def _distances(name: str, shift: Mapping[str, Any]) -> list[Picture]:
    largest = shift["distances"][:MOST_BARS]
    if not largest:
        return []
    names = [figure_name(one) for one in largest]
    spoken = ", ".join(f"{one} {number(row['distance'], 2)}" for one, row in zip(names[:3], largest, strict=False))
    return [
        svg(
            figures.distance_bars(largest, names),
            alt=f"Bars of the distances of {name} in the figures of their images; the largest: {spoken}.",
            caption=f"{name.capitalize()}: the {len(largest)} figures that differ most.",
        )
    ]


def _all_distances(name: str, shift: Mapping[str, Any]) -> Grid:
    rows = [[figure_name(one), number(one["distance"])] for one in shift["distances"]]
    return Grid(f"Every distance, {name}", ["figure", "distance"], rows, folded=True)


def figure_name(distance: Mapping[str, Any]) -> str:
    """A figure of the images in words: sites, plane 0, cosmic."""
    figure = re.sub(r"^value_(\d+)$", lambda match: f"{int(match[1])} % quantile of values", distance["figure"])
    return f"{words(figure)}, plane {distance['plane']}, {words(distance['label'])}"


def _value(row: Mapping[str, Any]) -> str:
    return number(None) if row["value"] is None else f"{significant(row['value'])} {row['unit']}".strip()


def _limits(row: Mapping[str, Any]) -> str:
    low, high = ("" if row[end] is None else significant(row[end]) for end in ("low", "high"))
    limits = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    return f"{limits} {row['unit']}".strip() if limits else number(None)
