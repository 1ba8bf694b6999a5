"""The split into train, validation and test: stratified by class, grouped by source, balanced, stated in numbers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from nuweave.catalog.groups import assign_groups, join_groups
from nuweave.catalog.table import KEY
from nuweave.config import UserError
from nuweave.config.catalog import PARTS, SplitConfig
from nuweave.physics.truth import HEAD_CLASSES

NO_CLASS = "none"
UNUSED = "unused"


class SplitError(UserError):
    """A split that the events do not allow; the message names what is short, the rule and the remedy."""


def make_split(catalog: pd.DataFrame, *, settings: SplitConfig, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Give every event to one part.

    Args:
        catalog: as `build_catalog` makes it.
        settings: shares, strata and balance.
        seed: of the run; with the catalog's rows, in any order, it fixes the split.
    Returns:
        a row an event: shard, entry, run, subrun, event, source, group, stratum, part (train, val, test or unused),
        reason (why unused, else empty); and the report, which JSON can hold.
    Raises:
        SplitError: no events, no class to stratify by, too few groups, or a part that is short of a class.
    """
    if catalog.empty:
        raise SplitError("split: the catalog has no events; convert at least one source with events")
    events = catalog.sort_values(KEY, ignore_index=True)
    rng = np.random.Generator(np.random.Philox(seed))
    splits = events[["shard", "entry", *KEY, "source"]].copy()
    seeds = [None if pd.isna(one) else str(one) for one in events["generator_seed"]]
    splits["group"] = join_groups(events["source"].tolist(), seeds)
    splits["stratum"] = _strata(events, settings)
    splits["part"] = _assign(splits, settings, rng)
    splits["reason"] = ""
    before = _count(splits)
    _require_enough(before, settings)
    if settings.balance == "undersample":
        for part in settings.balance_parts:
            _undersample(splits, part, rng)
    return splits, _report(splits, before, settings, seed)


def _strata(events: pd.DataFrame, settings: SplitConfig) -> list[str]:
    """The class of each event by name."""
    if settings.stratify_by == "none":
        return ["all"] * len(events)
    classes = events[settings.stratify_by]
    if classes.isna().all():
        raise SplitError(
            f"split.stratify_by={settings.stratify_by}: no event has this class, the source gives no such truth; "
            "set split.stratify_by: none"
        )
    names = HEAD_CLASSES[settings.stratify_by]
    return [NO_CLASS if index < 0 else names[index] for index in classes.fillna(-1).astype(int)]


def _assign(splits: pd.DataFrame, settings: SplitConfig, rng: np.random.Generator) -> list[str]:
    """The part of each event; events of a group share it."""
    parts = [part for part in PARTS if getattr(settings, part) > 0]
    counts = pd.crosstab(splits["group"], splits["stratum"]).to_numpy()
    if len(counts) < len(parts):
        raise SplitError(
            f"split: {len(counts)} groups (events with one source file or generator seed stay together) cannot fill "
            f"the {len(parts)} parts {', '.join(parts)}; give at least {len(parts)} source files, or set a share to 0"
        )
    shares = np.array([getattr(settings, part) for part in parts])
    part_of_group = assign_groups(counts.astype(np.int64), shares, rng)
    return [parts[number] for number in part_of_group[splits["group"]]]


def _count(splits: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Events of each class in each used part."""
    strata = sorted(splits["stratum"].unique())
    return {
        part: {stratum: int(((splits["part"] == part) & (splits["stratum"] == stratum)).sum()) for stratum in strata}
        for part in PARTS
        if (splits["part"] == part).any()
    }


def _require_enough(counts: dict[str, dict[str, int]], settings: SplitConfig) -> None:
    short = [
        f"{part} has {num} events of class {stratum}"
        for part, strata in counts.items()
        for stratum, num in strata.items()
        if num < settings.min_events_per_class and stratum != NO_CLASS
    ]
    if short:
        raise SplitError(
            f"split: {'; '.join(short)}: every class needs split.min_events_per_class={settings.min_events_per_class} "
            "in every part; give more events or more source files, or lower the limit"
        )


def _undersample(splits: pd.DataFrame, part: str, rng: np.random.Generator) -> None:
    """Drop events of the larger classes at random until all are as large as the smallest; changes part and reason."""
    inside = splits["part"] == part
    members = [
        np.flatnonzero(inside & (splits["stratum"] == stratum))
        for stratum in sorted(splits.loc[inside, "stratum"].unique())
        if stratum != NO_CLASS
    ]
    smallest = min((len(rows) for rows in members), default=0)
    for rows in members:
        dropped = rng.choice(rows, len(rows) - smallest, replace=False)
        splits.loc[dropped, ["part", "reason"]] = [UNUSED, f"balance of the classes in {part}"]


def _report(
    splits: pd.DataFrame, before: dict[str, dict[str, int]], settings: SplitConfig, seed: int
) -> dict[str, Any]:
    """What split.json holds; `before` and `after` balancing count events: part -> class -> number."""
    used = splits[splits["part"] != UNUSED]
    groups = used.groupby("part")["group"].nunique()
    rows = splits[[*KEY, "part"]].to_csv(index=False, lineterminator="\n")
    return {
        "seed": seed,
        "settings": settings.model_dump(mode="json"),
        "catalog_sha256": hashlib.sha256(rows.encode()).hexdigest(),
        "num_events": len(splits),
        "num_unused": len(splits) - len(used),
        "num_groups": int(splits["group"].nunique()),
        "groups": {part: int(groups[part]) for part in before},
        "shares": {part: sum(strata.values()) / len(splits) for part, strata in before.items()},
        "before": before,
        "after": _count(used),
    }
