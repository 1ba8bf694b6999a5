"""The best, the worst and some random events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.physics.detectors import get_detector
from nuweave.physics.truth import HEAD_CLASSES
from nuweave.report.figures import events as figures
from nuweave.report.figures.style import Picture, png
from nuweave.report.gather import ModelTables, RunTables
from nuweave.report.sections.blocks import Block, Grid, Part, number, words

EVENT_KEY = ["run", "subrun", "event"]
NEUTRINO = 2
Points = dict[str, NDArray[np.float64]]
AxisNames = tuple[tuple[str, ...], ...]  # of the image of each plane


def events_part(tables: RunTables) -> Part:
    """Displays of each model."""
    axes = get_detector(tables.config.detector).axis_names
    blocks = [block for model in tables.models for block in _blocks(model, axes)]
    if not blocks:
        blocks = [Block("", ["No displays were asked for (evaluate.num_displays=0)."])]
    return Part("events", "Events", "Event displays", blocks)


def _blocks(model: ModelTables, axes: AxisNames) -> list[Block]:
    shape = model.metrics["model"]["shape"]
    blocks = []
    for number_of, shown in enumerate(model.metrics["displays"]):
        sites = _rows(model.displays, shown)
        event = _rows(model.predictions, shown).astype(object).iloc[0]  # each column as it is, nan as nan
        facts = {
            "run, subrun, event": ", ".join(str(shown[name]) for name in EVENT_KEY),
            "true class": _classes(event),
            "neutrino energy": neutrino_energy(event),
        }
        for part in model.parts:
            facts |= _score(part.metrics["task"]["kind"], float(_rows(part.predictions, shown)["score"].iloc[0]))
        title = f"{model.name}: {shown['kind']} event {shown['run']}/{shown['subrun']}/{shown['event']}"
        points = _vertices(event, model.metrics["model"]["num_planes"], len(shape))
        draw = _segmentation if "prob2" in sites else _charge
        grids = [_probabilities(event, part.metrics["classes"]) for part in model.parts if _classifies_events(part)]
        grids += [_distances(event, points)] if points else []
        anchor = f"event-{model.name}-{number_of}"
        blocks.append(
            Block(title, facts=facts, pictures=draw(sites, shape, axes, points, title), grids=grids, anchor=anchor)
        )
    return blocks


def _score(kind: str, score: float) -> dict[str, str]:
    """What a task ranks events by, in words."""
    known = None if math.isnan(score) else score
    if kind == "segmentation":
        return {"mean IoU": number(known)}
    if kind == "vertex":
        return {"mean distance of the vertex": number(None) if known is None else f"{number(-known, 1)} cm"}
    name = "probability of the truth (geometric mean over heads)"
    return {name: number(None if known is None else math.exp(known))}


def _classifies_events(part: ModelTables) -> bool:
    return bool(part.metrics["task"]["kind"] == "event_classification")


def _segmentation(sites: pd.DataFrame, shape: list[int], axes: AxisNames, points: Points, title: str) -> list[Picture]:
    """The whole event, and a closer look at the neutrino where there is one."""
    counts = ", ".join(
        f"{name} {int((sites['label'] == label).sum())}"
        for label, name in enumerate(("background", "cosmic", "neutrino"))
    )
    pictures = [
        png(
            figures.segmentation_display(figures.views_of_event(sites, shape, axes, points=points)),
            alt=f"{title}: charge, truth and prediction of every plane; true sites: {counts}.",
            caption="Whole images. Charge in the unit of the stored values.",
            wide=True,
        )
    ]
    if (sites["label"] == NEUTRINO).any():
        views = figures.views_of_event(sites, shape, axes, around=NEUTRINO, points=points)
        pictures.append(
            png(
                figures.segmentation_display(views),
                alt=f"{title}: closer look at the neutrino.",
                caption="Closer look at the true neutrino.",
                wide=True,
            )
        )
    return pictures


def _charge(sites: pd.DataFrame, shape: list[int], axes: AxisNames, points: Points, title: str) -> list[Picture]:
    """The neutrino where it is known, else the whole event; both where a vertex is shown."""
    if sites.empty and not points:
        return []
    looks: list[int | None] = [NEUTRINO] if (sites["label"] == NEUTRINO).any() else []
    if points or not looks:
        looks = [None, *looks]
    return [
        png(
            figures.charge_display(figures.views_of_event(sites, shape, axes, around=around, points=points)),
            alt=f"{title}: charge of every plane, {len(sites)} sites that the network saw.",
            caption=f"Charge that the network saw, {len(sites)} sites"
            + (", whole images." if around is None else ", closer look at the true neutrino."),
            wide=True,
        )
        for around in looks
    ]


def _vertices(event: pd.Series[Any], num_planes: int, ndim: int) -> Points:
    """Where the vertex is and where it was found, float64[planes, axes] each; empty of a model that finds none."""
    if "plane0_vertex_axis0" not in event:
        return {}
    columns = {"true vertex": "vertex_true", "found vertex": "vertex"}
    return {
        kind: np.array(
            [[event.get(f"plane{p}_{name}_axis{d}", math.nan) for d in range(ndim)] for p in range(num_planes)], float
        )
        for kind, name in columns.items()
    }


def _distances(event: pd.Series[Any], points: Points) -> Grid:
    """A row a plane and one for space: truth, prediction, distance."""
    rows = []
    for plane, (true, found) in enumerate(zip(points["true vertex"], points["found vertex"], strict=True)):
        score, distance = event[f"plane{plane}_vertex_score"], event[f"plane{plane}_vertex_distance_cm"]
        rows.append([f"plane {plane}, site", _place(true), _place(found), number(float(score)), _known(distance)])
    places = [[event[f"{name}_{axis}_cm"] for axis in "xyz"] for name in ("vertex", "vertex_found")]
    rows.append(["in space [cm]", *map(_place, places), number(None), _known(event["vertex_distance_cm"])])
    return Grid("Vertex", ["image", "truth", "prediction", "score of the box", "distance [cm]"], rows)


def _place(place: Iterable[Any]) -> str:
    return ", ".join(_known(one) for one in place)


def _known(value: Any) -> str:
    """A number with one digit; a dash for nan and NA."""
    return number(None if pd.isna(value) else float(value), 1)


def _probabilities(event: pd.Series[Any], classes: dict[str, list[str]]) -> Grid:
    """A row a head: truth, prediction, probabilities."""
    rows = []
    for head, names in classes.items():
        prob = [float(event[f"{head}_prob{k}"]) for k in range(len(names))]
        true = int(event.get(f"{head}_true", -1))
        best = prob.index(max(prob))
        mark = "" if true < 0 else " \N{CHECK MARK}" if best == true else " \N{MULTIPLICATION SIGN}"
        shares = ", ".join(f"{name} {number(one, 2)}" for name, one in zip(names, prob, strict=True))
        rows.append([words(head), names[true] if true >= 0 else "unknown", names[best] + mark, shares])
    return Grid("Truth and prediction", ["head", "truth", "prediction", "probabilities"], rows)


def neutrino_energy(event: pd.Series[Any]) -> str:
    """Of an event of the predictions, in words; a row whose columns are all numbers has NA where there is none."""
    energy = event["nu_energy_gev"]
    return "no neutrino" if pd.isna(energy) else f"{energy:.2f} GeV"


def _classes(event: pd.Series[Any]) -> str:
    """The true classes of an event in words."""
    known = [names[int(event[head])] for head, names in HEAD_CLASSES.items() if head in event and pd.notna(event[head])]
    return ", ".join(known) or "no class"


def _rows(table: pd.DataFrame, key: dict[str, Any]) -> pd.DataFrame:
    same = (table[EVENT_KEY] == [key[name] for name in EVENT_KEY]).all(axis=1)
    return table[same]
