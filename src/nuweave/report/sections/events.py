"""The best, the worst and some random events."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from nuweave.physics.truth import HEAD_CLASSES
from nuweave.report.figures import events as figures
from nuweave.report.figures.style import Picture, png
from nuweave.report.gather import ModelTables, RunTables
from nuweave.report.sections.blocks import Block, Grid, Part, number, words

EVENT_KEY = ["run", "subrun", "event"]
NEUTRINO = 2


def events_part(tables: RunTables) -> Part:
    """Displays of each model."""
    blocks = [block for model in tables.models for block in _blocks(model)]
    if not blocks:
        blocks = [Block("", ["No displays were asked for (evaluate.num_displays=0)."])]
    return Part("events", "Events", "Event displays", blocks)


def _blocks(model: ModelTables) -> list[Block]:
    is_segmentation = model.metrics["task"]["kind"] == "segmentation"
    shape = model.metrics["model"]["shape"]
    score = "mean IoU" if is_segmentation else "probability of the truth (geometric mean over heads)"
    blocks = []
    for number_of, shown in enumerate(model.metrics["displays"]):
        sites = _rows(model.displays, shown)
        event = _rows(model.predictions, shown).iloc[0]
        value = shown["score"]
        value = value if value is None or is_segmentation else math.exp(value)
        facts = {
            "run, subrun, event": ", ".join(str(shown[name]) for name in EVENT_KEY),
            "true class": _classes(event),
            "neutrino energy": neutrino_energy(event),
            score: number(value),
        }
        title = f"{model.name}: {shown['kind']} event {shown['run']}/{shown['subrun']}/{shown['event']}"
        pictures = _segmentation(sites, shape, title) if is_segmentation else _classification(sites, shape, title)
        grids = [] if is_segmentation else [_probabilities(event, model.metrics["classes"])]
        anchor = f"event-{model.name}-{number_of}"
        blocks.append(Block(title, facts=facts, pictures=pictures, grids=grids, anchor=anchor))
    return blocks


def _segmentation(sites: pd.DataFrame, shape: list[int], title: str) -> list[Picture]:
    """The whole event, and a closer look at the neutrino where there is one."""
    counts = ", ".join(
        f"{name} {int((sites['label'] == label).sum())}"
        for label, name in enumerate(("background", "cosmic", "neutrino"))
    )
    pictures = [
        png(
            figures.segmentation_display(figures.views_of_event(sites, shape)),
            alt=f"{title}: charge, truth and prediction of every plane; true sites: {counts}.",
            caption="Whole images. Charge in the unit of the stored values.",
            wide=True,
        )
    ]
    if (sites["label"] == NEUTRINO).any():
        views = figures.views_of_event(sites, shape, around=NEUTRINO)
        pictures.append(
            png(
                figures.segmentation_display(views),
                alt=f"{title}: closer look at the neutrino.",
                caption="Closer look at the true neutrino.",
                wide=True,
            )
        )
    return pictures


def _classification(sites: pd.DataFrame, shape: list[int], title: str) -> list[Picture]:
    if sites.empty:
        return []
    around = NEUTRINO if (sites["label"] == NEUTRINO).any() else None
    return [
        png(
            figures.charge_display(figures.views_of_event(sites, shape, around=around)),
            alt=f"{title}: charge of every plane, {len(sites)} sites that the network saw.",
            caption=f"Charge that the network saw, {len(sites)} sites.",
            wide=True,
        )
    ]


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
