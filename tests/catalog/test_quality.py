"""Leaks, duplicates and foreign events in packed files are counted and named; gaps are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nuweave.catalog import QualityError, build_catalog, measure_quality, pack_part, read_packed
from nuweave.catalog.quality import class_balance, visible_energy
from tests import mock

PARTS = ["train", "train", "val", "test", "unused", "unused"]


def make_catalog(**columns: Any) -> pd.DataFrame:
    """Six events that share nothing, but for what `columns` says."""
    number = range(6)
    one = dict.fromkeys(("neutrino", "protons", "charged_pions", "neutral_pions", "interaction"), pd.NA)
    table = pd.DataFrame({"run": 0, "subrun": 0, "event": number, **one}, index=number)
    table["source"] = [f"{i}.raw" for i in number]
    table["generator_seed"] = [f"7/{i}" for i in number]
    table["image_hash"] = [f"{i:016x}" for i in number]
    table["nu_pdg"] = 14
    table["nu_energy_gev"] = [0.5 + i for i in number]
    table[["vertex_x_cm", "vertex_y_cm", "vertex_z_cm"]] = 1.0
    table["charge_neutrino"] = [100.0 + 200.0 * i for i in number]
    return table.assign(**columns)


def make_splits(catalog: pd.DataFrame) -> pd.DataFrame:
    """The split of these events into PARTS, in another order."""
    return catalog[["run", "subrun", "event"]].assign(part=PARTS).iloc[::-1]


def make_packed(events: dict[str, list[int]]) -> pd.DataFrame:
    """Packed files that hold these events."""
    rows = [(part, 0, 0, event) for part, numbers in events.items() for event in numbers]
    return pd.DataFrame(rows, columns=["part", "run", "subrun", "event"])


RIGHT = make_packed({"train": [1, 0], "val": [2], "test": [3]})


def checks_of(
    catalog: pd.DataFrame, splits: pd.DataFrame | None, packed: pd.DataFrame = RIGHT
) -> dict[str, tuple[Any, Any, Any]]:
    """Quantity -> value, held, note."""
    rows = measure_quality(catalog, splits, packed)["checks"]
    return {row["quantity"]: (row["value"], row["held"], row["note"]) for row in rows}


def test_events_that_share_nothing_pass_every_check() -> None:
    catalog = make_catalog()
    checks = checks_of(catalog, make_splits(catalog))
    assert len(checks) == 10
    assert set(checks.values()) == {(0, True, None)}


@pytest.mark.parametrize(
    ("column", "quantity"),
    [
        ("source", "source files in two parts"),
        ("generator_seed", "generator seeds in two parts"),
        ("image_hash", "images in two parts"),
        ("nu_energy_gev", "neutrinos in two parts"),
    ],
)
def test_what_is_in_two_parts_is_counted_and_named_once(column: str, quantity: str) -> None:
    catalog = make_catalog()
    catalog.loc[[0, 1, 3], column] = catalog[column][0]  # two of train, one of test
    value, held, note = checks_of(catalog, make_splits(catalog))[quantity]
    assert (value, held) == (1, False)
    assert str(catalog[column][0]) in note


def test_events_that_are_not_used_leak_nothing_but_are_duplicates() -> None:
    catalog = make_catalog()
    catalog.loc[[0, 4, 5], "image_hash"] = "twin"
    checks = checks_of(catalog, make_splits(catalog))
    assert checks["images in two parts"] == (0, True, None)
    assert checks["events with another's image"] == (2, False, "(0, 0, 4), (0, 0, 5)")


def test_many_examples_are_cut_short() -> None:
    catalog = make_catalog(image_hash="twin")
    note = checks_of(catalog, None)["events with another's image"][2]
    assert note == "(0, 0, 1), (0, 0, 2), (0, 0, 3), ..."


def test_packed_files_with_foreign_missing_and_repeated_events_are_named() -> None:
    catalog = make_catalog()
    packed = make_packed({"train": [0, 1, 3], "val": [], "test": [3]})
    checks = checks_of(catalog, make_splits(catalog), packed)
    assert checks["events that are packed twice"] == (1, False, "(0, 0, 3)")
    assert checks["train: events too many or missing"] == (1, False, "(0, 0, 3)")
    assert checks["test: events too many or missing"] == (0, True, None)


def test_what_is_not_known_is_a_gap_and_no_pass() -> None:
    unknown = {"generator_seed": pd.NA, "nu_pdg": pd.NA, "image_hash": pd.NA, "charge_neutrino": float("nan")}
    catalog = make_catalog(**unknown)
    checks = checks_of(catalog, make_splits(catalog))
    assert checks["generator seeds in two parts"] == (None, None, "not measured: the files state no seed")
    assert checks["neutrinos in two parts"] == (None, None, "not measured: the files give no neutrino")
    assert checks["events with another's image"] == (None, None, "not measured: no event has a stored site")
    assert visible_energy(catalog) == {}


def test_without_a_split_every_event_is_in_the_part_all() -> None:
    packed = make_packed({"all": list(range(6))})
    found = measure_quality(make_catalog(), None, packed)
    assert found["parts"] == {"all": 6}
    checks = checks_of(make_catalog(), None, packed)
    assert checks["images in two parts"] == (None, None, "not measured: nothing was split")
    assert checks["all: events too many or missing"] == (0, True, None)


def test_classes_are_counted_in_all_events_and_in_each_part() -> None:
    classes = pd.array([0, 1, 1, 2, 0, None], "Int8")
    events = make_catalog(neutrino=classes, part=PARTS)
    balance = class_balance(events)
    assert list(balance) == ["neutrino"]
    assert list(balance["neutrino"]) == ["all events", "train", "val", "test", "unused"]
    assert balance["neutrino"]["all events"] == {"nue CC": 2, "numu CC": 2, "NC": 1, "no class": 1}
    assert balance["neutrino"]["train"] == {"nue CC": 1, "numu CC": 1, "NC": 0, "no class": 0}


def test_charge_a_gev_and_its_correlation_with_the_energy_are_those_of_the_class() -> None:
    # 100 + 200 i over 0.5 + i GeV: 200 a GeV in every event; class 1 has one event only
    events = make_catalog(neutrino=pd.array([0, 0, 0, 0, 0, 1], "Int8"))
    found = visible_energy(events)
    assert found["nue CC"]["charge_per_gev"] == pytest.approx([200.0] * 3)
    assert found["nue CC"]["correlation"] == pytest.approx(1.0)
    assert found["numu CC"] == {"num_events": 1, "charge_per_gev": None, "correlation": None}


def test_a_split_of_other_events_is_refused() -> None:
    catalog = make_catalog()
    with pytest.raises(QualityError, match="the catalog has 6 events, the split 4, and 4 are in both; split this"):
        checks_of(catalog, make_splits(catalog).iloc[:4])


def test_a_catalog_of_an_older_version_is_refused() -> None:
    with pytest.raises(QualityError, match="the catalog has no column charge_neutrino; make it again"):
        measure_quality(make_catalog().drop(columns="charge_neutrino"), None, RIGHT)


def test_packed_files_are_named_by_their_part_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    catalog = build_catalog(mock.write_shards(tmp_path, 2, num_events=3))
    files = [tmp_path / "train.h5", tmp_path / "other" / "train.h5", tmp_path / "test.h5"]
    files[1].parent.mkdir()
    for file in files:
        pack_part(catalog.iloc[:4], file, seed=1)
    packed = read_packed([files[0], files[2]])
    assert packed["part"].tolist() == ["train"] * 4 + ["test"] * 4
    assert set(packed[["run", "event"]].itertuples(index=False, name=None)) == {(0, 0), (0, 1), (0, 2), (1, 0)}
    with pytest.raises(QualityError, match="two have one name, and it names the part"):
        read_packed(files)
