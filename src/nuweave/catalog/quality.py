"""How good the data of a run is: leaks between parts, duplicates, packed files, balance, visible energy.

A row of checks is {check, quantity, value, low, high, unit, held, note}, as `nuweave validate` writes it; value and
held are None where nothing could be measured, and the note says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nuweave.catalog.split import UNUSED
from nuweave.catalog.table import KEY
from nuweave.config import UserError
from nuweave.config.catalog import PARTS
from nuweave.physics.truth import HEAD_CLASSES
from nuweave.store import ShardReader

NEUTRINO = ["nu_pdg", "nu_energy_gev", "vertex_x_cm", "vertex_y_cm", "vertex_z_cm"]
NEEDED = ("image_hash", "charge_neutrino")
NO_CLASS = "no class"
EVERY_EVENT = "all events"
ALL = "all"  # the part of every event where nothing is split
MAX_EXAMPLES = 3
MIN_EVENTS = 3  # of which quantiles and a correlation say anything


class QualityError(UserError):
    """Files that do not belong together; the message names them and the remedy."""


def read_packed(files: Sequence[Path]) -> pd.DataFrame:
    """The events of packed files: part (the name of the file), run, subrun, event.

    Raises:
        StoreError: a file cannot be read.
        QualityError: two files have one name.
    """
    if len({file.stem for file in files}) < len(files):
        raise QualityError(
            f"{', '.join(map(str, files))}: two have one name, and it names the part; give each part once"
        )
    tables = []
    for file in files:
        with ShardReader(file) as reader:
            keys = {name: reader.event_ids[name].astype(np.int64) for name in KEY}
        tables.append(pd.DataFrame({"part": file.stem, **keys}))
    return pd.concat(tables, ignore_index=True)


def measure_quality(catalog: pd.DataFrame, splits: pd.DataFrame | None, packed: pd.DataFrame) -> dict[str, Any]:
    """What data_quality.json holds.

    Args:
        catalog: as `build_catalog` makes it.
        splits: as `make_split` makes it; None where every event is in the part "all".
        packed: as `read_packed` gives it.
    Raises:
        QualityError: an older catalog without what is looked at, or a split of other events.
    """
    missing = [name for name in NEEDED if name not in catalog]
    if missing:
        raise QualityError(f"data-quality: the catalog has no column {', '.join(missing)}; make it again")
    events = _with_parts(catalog, splits)
    used = events[events["part"] != UNUSED]
    return {
        "num_events": len(events),
        "parts": {part: int((events["part"] == part).sum()) for part in _parts_in_order(events)},
        "checks": [*_leaks(used, is_split=splits is not None), *_duplicates(events), *_packed(used, packed)],
        "balance": class_balance(events),
        "visible": visible_energy(events),
    }


def class_balance(events: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Events of each class: head -> all events and each part -> class -> number; no head that no event has.

    Args:
        events: of the catalog, with `part`.
    """
    balance = {}
    for head, names in HEAD_CLASSES.items():
        if events[head].isna().all():
            continue
        table = pd.crosstab(_class_names(events, head), events["part"], margins=True, margins_name=EVERY_EVENT)
        table = table.reindex([*names, NO_CLASS], fill_value=0)
        order = [EVERY_EVENT, *_parts_in_order(events)]
        balance[head] = {part: {str(name): int(num) for name, num in table[part].items()} for part in order}
    return balance


def visible_energy(events: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """How the summed values of neutrino sites follow the neutrino's energy, by class of the neutrino.

    Args:
        events: of the catalog.
    Returns:
        class -> num_events; charge_per_gev, the quantiles of 16, 50 and 84 %; correlation (Pearson), both None below
        MIN_EVENTS; no class without events that have energy and labels.
    """
    known = events[events["nu_energy_gev"].gt(0) & events["charge_neutrino"].notna()]
    classes = _class_names(known, "neutrino")
    order = [name for name in (*HEAD_CLASSES["neutrino"], NO_CLASS) if (classes == name).any()]
    return {name: _energy_facts(known[classes == name]) for name in order}


def _energy_facts(events: pd.DataFrame) -> dict[str, Any]:
    energy, charge = events["nu_energy_gev"].to_numpy(float), events["charge_neutrino"].to_numpy(float)
    if len(events) < MIN_EVENTS:
        return {"num_events": len(events), "charge_per_gev": None, "correlation": None}
    varies = energy.std() > 0 and charge.std() > 0
    return {
        "num_events": len(events),
        "charge_per_gev": np.quantile(charge / energy, [0.16, 0.5, 0.84]).tolist(),
        "correlation": float(np.corrcoef(energy, charge)[0, 1]) if varies else None,
    }


def _with_parts(catalog: pd.DataFrame, splits: pd.DataFrame | None) -> pd.DataFrame:
    """The catalog with the part of each event."""
    if splits is None:
        return catalog.assign(part=ALL)
    events = catalog.merge(splits[[*KEY, "part"]], on=KEY, how="inner", validate="one_to_one")
    if not len(events) == len(catalog) == len(splits):
        raise QualityError(
            f"data-quality: the catalog has {len(catalog)} events, the split {len(splits)}, and {len(events)} are in "
            "both; split this catalog again"
        )
    return events


def _parts_in_order(events: pd.DataFrame) -> list[str]:
    """The parts that have events."""
    return [part for part in (*PARTS, UNUSED, ALL) if (events["part"] == part).any()]


def _class_names(events: pd.DataFrame, head: str) -> pd.Series[str]:
    """The class of each event in words."""
    known = dict(enumerate(HEAD_CLASSES[head]))
    return events[head].astype("Float64").map(known).fillna(NO_CLASS).astype(str)


def _neutrino_of(events: pd.DataFrame) -> pd.Series[Any]:
    """Flavour, energy and vertex of each event's neutrino as one value, missing without a neutrino."""
    rows = events.dropna(subset=NEUTRINO)
    values = [
        f"{pdg:d} of {energy:.6g} GeV at {x:.6g} {y:.6g} {z:.6g} cm"
        for pdg, energy, x, y, z in rows[NEUTRINO].itertuples(index=False)
    ]
    return pd.Series(values, index=rows.index, dtype="string").reindex(events.index)


def _leaks(used: pd.DataFrame, *, is_split: bool) -> list[dict[str, Any]]:
    """What must not be in two parts, and how often it is."""
    things = {
        "source files": (used["source"], "no source is known"),
        "generator seeds": (used["generator_seed"], "the files state no seed"),
        "images": (used["image_hash"], "no event has a stored site"),
        "neutrinos": (_neutrino_of(used), "the files give no neutrino"),
    }
    rows = []
    for name, (values, gap) in things.items():
        quantity = f"{name} in two parts"
        if not is_split or values.isna().all():
            rows.append(_gap("leak", quantity, gap if is_split else "nothing was split"))
            continue
        num_parts = used.groupby(values)["part"].nunique()
        shared = num_parts.index[num_parts > 1]
        rows.append(_none_allowed("leak", quantity, len(shared), [str(one) for one in shared]))
    return rows


def _duplicates(events: pd.DataFrame) -> list[dict[str, Any]]:
    """Events that are there more than once, whatever their part."""
    things = {
        "events with another's image": (events["image_hash"], "no event has a stored site"),
        "events with another's neutrino": (_neutrino_of(events), "the files give no neutrino"),
    }
    rows = []
    for quantity, (values, gap) in things.items():
        if values.isna().all():
            rows.append(_gap("duplicates", quantity, gap))
            continue
        twice = events[values.notna() & values.duplicated(keep="first")]
        rows.append(_none_allowed("duplicates", quantity, len(twice), _keys(twice)))
    return rows


def _packed(used: pd.DataFrame, packed: pd.DataFrame) -> list[dict[str, Any]]:
    """Whether packed files hold the events of their part, all of them, and no event twice."""
    twice = packed[packed.duplicated(KEY)]
    rows = [_none_allowed("packed files", "events that are packed twice", len(twice), _keys(twice))]
    for part, there in packed.groupby("part", sort=False):
        wanted = used[used["part"] == part]
        both = wanted[KEY].merge(there[KEY].drop_duplicates(), on=KEY, how="outer", indicator=True)
        wrong = both[both["_merge"] != "both"]
        rows.append(_none_allowed("packed files", f"{part}: events too many or missing", len(wrong), _keys(wrong)))
    return rows


def _keys(events: pd.DataFrame) -> list[str]:
    return [f"({run}, {subrun}, {event})" for run, subrun, event in events[KEY].itertuples(index=False)]


def _none_allowed(check: str, quantity: str, value: int, examples: list[str]) -> dict[str, Any]:
    note = ", ".join(examples[:MAX_EXAMPLES]) + (", ..." if len(examples) > MAX_EXAMPLES else "")
    return _row(check, quantity, value, held=value == 0, note=note or None)


def _gap(check: str, quantity: str, why: str) -> dict[str, Any]:
    return _row(check, quantity, None, held=None, note=f"not measured: {why}")


def _row(check: str, quantity: str, value: int | None, *, held: bool | None, note: str | None) -> dict[str, Any]:
    what = {"check": check, "quantity": quantity, "value": value, "low": None, "high": 0, "unit": ""}
    return {**what, "held": held, "note": note}
