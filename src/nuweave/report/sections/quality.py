"""How good the data is: what was mended, which truth is absent, leaks and duplicates, classes, visible energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nuweave.physics.truth import HEAD_CLASSES
from nuweave.report.figures import data as figures
from nuweave.report.figures.style import Picture, svg
from nuweave.report.sections.blocks import Block, Grid, integer, number, share, significant, words

MIN_PLOTTED = 10  # events of a class, for a panel of its own
NOTES = {
    "unknown_pdg": "particles whose code is not known; they count for no class",
    "missing_parent": "tracks whose parent is not in the file; taken for primary",
    "not_finite": "deposits with a value that is no number; left out",
    "negative_energy": "deposits of less than nothing; left out",
    "absurd_time": "deposits more than a second from the trigger; left out",
    "outside": "deposits outside the detector; left out",
    "vertex_outside": "vertices outside the detector; their images have no vertex",
    "dx_is_not_length": "deposits whose stored dx is not the length of the step; the length was taken",
}
WITHOUT = {
    "site_labels": "no segmentation, no charge of the neutrino alone",
    "semantics": "no tracks, showers, Michel electrons or delta rays to tell apart",
    "vertex": "no vertex to find",
    "neutrino": "no flavour and energy of the neutrino",
    "particles": "no numbers of protons and pions",
    "mode": "no class of the interaction",
}


def conversion_notes(manifests: Sequence[Mapping[str, Any]]) -> tuple[str, list[Grid]]:
    """What was found wrong in the files and dealt with, in a sentence and, where there is any, a table."""
    counted = [one["notes"] for one in manifests if "notes" in one]
    if not counted:
        return "Whether anything in the files had to be mended is not known: their manifests do not count it.", []
    files = Counter(note for notes in counted for note, times in notes.items() if times)
    if not files:
        return "Nothing in the files had to be mended.", []
    rows = [[words(name), integer(sum(one.get(name, 0) for one in counted)), integer(files[name])] for name in files]
    grid = Grid("Mended", ["what", "times", "files"], rows, notes=[NOTES.get(name, "") for name in files])
    return "Some things in the files were not as they should be; they were dealt with and counted.", [grid]


def truth_block(catalog: pd.DataFrame, manifests: Sequence[Mapping[str, Any]]) -> Block:
    """Which truth there is, for how many files and events, and why not for more."""
    kinds = list(dict.fromkeys(kind for one in manifests for kind in one.get("truth", {})))
    grids = []
    if kinds:
        rows = [_truth_of_files(kind, manifests) for kind in kinds]
        notes = [_why_not_all_files(kind, manifests) for kind in kinds]
        grids.append(Grid("Truth that the files give", ["truth", "files"], rows, notes))
    heads = [head for head in HEAD_CLASSES if head in catalog]
    rows = [[words(head), f"{integer(catalog[head].notna().sum())} of {integer(len(catalog))}"] for head in heads]
    notes = [_why_not_all_events(head, catalog) for head in heads]
    grids.append(Grid("Events that have a class", ["class", "events"], rows, notes))
    return Block("Truth", grids=grids)


def _truth_of_files(kind: str, manifests: Sequence[Mapping[str, Any]]) -> list[str]:
    num = sum(bool(one.get("truth", {}).get(kind)) for one in manifests)
    return [words(kind), f"{integer(num)} of {integer(len(manifests))}"]


def _why_not_all_files(kind: str, manifests: Sequence[Mapping[str, Any]]) -> str:
    adapters = {str(one.get("adapter", "unknown")) for one in manifests if not one.get("truth", {}).get(kind)}
    return f"not in files of {', '.join(sorted(adapters))}: {WITHOUT.get(kind, 'absent')}" if adapters else ""


def _why_not_all_events(head: str, catalog: pd.DataFrame) -> str:
    has_class, has_neutrino = catalog[head].notna(), catalog["nu_pdg"].notna()
    reasons = {
        "events have no neutrino": int((~has_class & ~has_neutrino).sum()),
        "neutrinos are left without a class by convert.truth, or the files do not tell it": int(
            (~has_class & has_neutrino).sum()
        ),
    }
    return "; ".join(f"{integer(times)} {reason}" for reason, times in reasons.items() if times)


def checks_block(quality: Mapping[str, Any]) -> Block:
    """Leaks, duplicates, and what the packed files hold."""
    rows = quality["checks"]
    wrong = sum(row["held"] is False for row in rows)
    gaps = sum(row["held"] is None for row in rows)
    text = (
        "What may not be in two parts, events that are there twice, and whether the packed files hold the events of "
        f"their part: {integer(len(rows) - wrong - gaps)} checks hold, {integer(wrong)} do not, {integer(gaps)} could "
        "not be made. Images are compared by a hash of sites and values, neutrinos by flavour, energy and vertex."
    )
    grid = Grid(
        "Checks",
        ["what", "found", "allowed"],
        [[row["quantity"], count(row["value"]), count(row["high"])] for row in rows],
        notes=[row["note"] or "" for row in rows],
        verdicts=[row["held"] for row in rows],
    )
    return Block("Leaks and duplicates", [text], grids=[grid])


def count(value: int | None) -> str:
    """12,345; a dash where there is no value."""
    return number(None) if value is None else integer(value)


def balance_grids(quality: Mapping[str, Any]) -> list[Grid]:
    """Events of every class in all events and in each part; nothing where no event has a class."""
    balance: dict[str, dict[str, dict[str, int]]] = quality["balance"]
    rows = [
        [f"{words(head)}: {name}", *(f"{integer(counts[name])} ({share(counts, name)})" for counts in parts.values())]
        for head, parts in balance.items()
        for name in next(iter(parts.values()))
        if any(counts[name] for counts in parts.values())
    ]
    if not rows:
        return []
    head = ["class", *next(iter(balance.values()))]
    return [Grid("Every kind of class: events, and share of the part", head, rows, folded=True)]


def visible_pictures(catalog: pd.DataFrame, classes: pd.Series[str], quality: Mapping[str, Any]) -> list[Picture]:
    """The neutrino's energy against what is seen of it; nothing without energy or labels."""
    if "charge_neutrino" not in catalog:
        return []
    known = catalog["nu_energy_gev"].gt(0) & catalog["charge_neutrino"].notna()
    facts: dict[str, dict[str, Any]] = quality["visible"]
    order = [name for name, one in facts.items() if one["num_events"] >= MIN_PLOTTED]
    if not order:
        return []
    spoken = "; ".join(f"{name}: {_in_words(facts[name])}" for name in order)
    return [
        svg(
            figures.visible_energy(
                catalog.loc[known, "nu_energy_gev"], catalog.loc[known, "charge_neutrino"], classes[known], order
            ),
            alt=f"Energy of the neutrino against the summed values of its sites, by class. {spoken}.",
            caption="Summed values of the sites that are labelled neutrino against the neutrino's energy; the line is "
            f"the median, the bars hold 68 % of the events. {spoken}.",
            wide=True,
        )
    ]


def _in_words(facts: Mapping[str, Any]) -> str:
    low, middle, high = facts["charge_per_gev"]
    spread = f"68 %: {significant(low)} to {significant(high)}"
    return f"{significant(middle)} a GeV ({spread}), correlation {number(facts['correlation'], 2)}"


def visible_gap(quality: Mapping[str, Any]) -> str:
    """Why there is no figure of visible energy, where there is none."""
    if any(one["num_events"] >= MIN_PLOTTED for one in quality["visible"].values()):
        return ""
    return f"Visible against true energy is not shown: no class has {MIN_PLOTTED} events with energy and site labels."
