"""The events: where they come from, what they are, how they were split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nuweave.physics.truth import HEAD_CLASSES
from nuweave.report.figures import data as figures
from nuweave.report.figures.style import Picture, svg
from nuweave.report.gather import RunTables
from nuweave.report.sections.blocks import Block, Grid, Part, integer, number, share, words
from nuweave.report.sections.comparison import shifts_block, validation_block
from nuweave.report.sections.quality import (
    balance_grids,
    checks_block,
    conversion_notes,
    truth_block,
    visible_gap,
    visible_pictures,
)

NO_CLASS = "no class"


def data_part(tables: RunTables) -> Part:
    """Files, truth, balance, leaks, energy, sites; simulation against reference, sample against sample."""
    blocks = [
        _sources(tables),
        truth_block(tables.catalog, tables.manifests),
        _split(tables.split, balance_grids(tables.quality)),
        checks_block(tables.quality),
        _events(tables.catalog, tables.quality),
        validation_block(tables.validation),
        shifts_block(tables.shifts),
    ]
    return Part("data", "Data", "Data", blocks)


def _sources(tables: RunTables) -> Block:
    catalog, manifests = tables.catalog, tables.manifests
    if not manifests:
        return Block(
            "Files", [f"{integer(len(catalog))} events. There are no shard manifests in this run's directory."]
        )
    dropped = sum(int(one.get("events_dropped", 0)) for one in manifests)
    read = sum(int(one.get("events_read", 0)) for one in manifests)
    text = (
        f"{integer(len(manifests))} files with {integer(read)} events were converted; {integer(dropped)} of them had "
        f"fewer than {tables.config.convert.min_sites} stored pixels and were dropped."
    )
    facts = {
        "adapter": ", ".join(sorted({str(one.get("adapter", "unknown")) for one in manifests})),
        "generator": ", ".join(sorted({str(one.get("generator") or "unknown") for one in manifests})),
        "detector": ", ".join(sorted({str(one.get("detector", "unknown")) for one in manifests})),
    }
    rows = [
        [
            one["shard"],
            str(one.get("source", "")),
            str(one.get("generator_seed", "")),
            integer(one.get("events_written", 0)),
        ]
        for one in manifests
    ]
    grid = Grid("Files, one a row", ["shard", "source", "generator seed", "events"], rows, folded=True)
    mended, notes = conversion_notes(manifests)
    return Block("Files", [f"{text} {mended}"], facts, grids=[*notes, grid])


def _split(split: Mapping[str, Any] | None, classes: Sequence[Grid]) -> Block:
    if split is None:
        text = "Nothing was split: finished models were evaluated on every event."
        return Block("Split and balance", [text], grids=classes)
    before: dict[str, dict[str, int]] = split["before"]
    after: dict[str, dict[str, int]] = split["after"]
    settings = split["settings"]
    text = (
        f"{integer(split['num_events'])} events in {integer(split['num_groups'])} groups; events of a group (source "
        f"file or generator seed) are all in one part. Stratified by {words(settings['stratify_by'])}; "
        f"balance: {settings['balance']} in {', '.join(settings['balance_parts']) or 'no part'}, which left "
        f"{integer(split['num_unused'])} events unused."
    )
    rows = [
        [
            f"{part}: {name}",
            integer(count),
            integer(after.get(part, {}).get(name, 0)),
            share(before[part], name),
            share(after.get(part, {}), name),
        ]
        for part in before
        for name, count in before[part].items()
    ]
    grid = Grid(
        "Class balance of each part",
        ["part and class", "before", "after", "share before", "share after"],
        rows,
        folded=True,
    )
    picture = svg(
        figures.class_balance(before, after),
        alt="Bars of the events of each class in each part. "
        + "; ".join(f"{part}: {_counts(before[part])} before, {_counts(after.get(part, {}))} after" for part in before),
        caption="Events of each class before (pale) and after (full) balancing.",
        wide=True,
    )
    return Block("Split and balance", [text], pictures=[picture], grids=[grid, *classes])


def _events(catalog: pd.DataFrame, quality: Mapping[str, Any]) -> Block:
    classes = class_names(catalog, "neutrino")
    pictures: list[Picture] = []
    if catalog["nu_energy_gev"].notna().any():
        energy = catalog["nu_energy_gev"].astype(float)
        pictures.append(
            svg(
                figures.energy_spectrum(energy, classes, [*HEAD_CLASSES["neutrino"], NO_CLASS]),
                alt=f"Histogram of the neutrino energy by class; mean {energy.mean():.2f} GeV.",
                caption=f"True energy of the neutrino, stacked by class; mean {energy.mean():.2f} GeV.",
            )
        )
    planes = {
        f"plane {name.removeprefix('num_sites_')}": catalog[name]
        for name in map(str, catalog.columns)
        if name.startswith("num_sites_")
    }
    medians = ", ".join(f"{plane} {integer(counts.median())}" for plane, counts in planes.items())
    pictures.append(
        svg(
            figures.sites_per_plane(planes),
            alt=f"Histogram of the stored sites of an event in each plane; medians: {medians}.",
            caption=f"Stored sites of an event; medians: {medians}.",
        )
    )
    pictures += visible_pictures(catalog, classes, quality)
    gap = visible_gap(quality)
    return Block("Events", [gap] if gap else [], pictures=pictures, grids=_site_shares(catalog))


def _site_shares(catalog: pd.DataFrame) -> list[Grid]:
    """Sites by label over all events; nothing where the files have no labels."""
    names = ["num_background", "num_cosmic", "num_neutrino"]
    if not set(names) <= set(catalog.columns) or catalog[names].isna().all(axis=None):
        return []
    sums = catalog[names].sum()
    rows = [
        [words(name.removeprefix("num_")), integer(sums[name]), number(sums[name] / max(sums.sum(), 1))]
        for name in names
    ]
    return [Grid("Stored sites by label", ["label", "sites", "share"], rows)]


def class_names(table: pd.DataFrame, head: str) -> pd.Series[str]:
    """The class of each event in words; NO_CLASS where it has none."""
    if head not in table:
        return pd.Series(NO_CLASS, index=table.index)
    known = dict(enumerate(HEAD_CLASSES[head]))
    return table[head].astype("Float64").map(known).fillna(NO_CLASS).astype(str)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
