"""No group crosses parts, no event is lost, the report adds up, and what cannot be split is refused."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuweave.catalog import SplitError, make_split
from nuweave.catalog.table import KEY
from nuweave.config.catalog import SplitConfig

CLASSES = ["nue CC", "numu CC", "NC"]


def _catalog(classes_by_source: list[list[int | None]], seeds: list[str] | None = None) -> pd.DataFrame:
    """Events of some sources; the class of each event, None for cosmic only."""
    rows = [
        {
            "shard": f"{run}.h5",
            "entry": event,
            "run": run,
            "subrun": 0,
            "event": event,
            "source": f"{run}.raw",
            "generator_seed": seeds[run] if seeds else f"1/{run}",
            "neutrino": flavour,
        }
        for run, classes in enumerate(classes_by_source)
        for event, flavour in enumerate(classes)
    ]
    types = {"generator_seed": "string", "neutrino": "Int8"}
    return pd.DataFrame(rows, columns=["shard", "entry", *KEY, "source", *types]).astype(types)


@given(
    sources=st.lists(st.lists(st.sampled_from([0, 1, 2, None]), min_size=4, max_size=12), min_size=6, max_size=12),
    num_streams=st.integers(4, 12),
    balance=st.sampled_from(["none", "undersample"]),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_any_split_keeps_groups_together_and_accounts_for_every_event(
    sources: list[list[int | None]], num_streams: int, balance: str, seed: int
) -> None:
    catalog = _catalog(sources, [f"1/{run % num_streams}" for run in range(len(sources))])
    config = SplitConfig.model_validate({"balance": balance, "min_events_per_class": 1})
    try:
        splits, report = make_split(catalog, settings=config, seed=seed)
    except SplitError:
        return
    used = splits[splits["part"] != "unused"]
    assert set(splits["part"]) <= {"train", "val", "test", "unused"}
    assert splits[KEY].to_numpy().tolist() == catalog[KEY].to_numpy().tolist()
    assert used.groupby("group")["part"].nunique().max() == 1
    streams = catalog["generator_seed"][used.index]
    assert used.groupby(streams)["part"].nunique().max() == 1
    assert used.groupby("source")["part"].nunique().max() == 1
    assert ((splits["reason"] == "") == (splits["part"] != "unused")).all()
    assert set(report["before"]) == {"train", "val", "test"}
    assert sum(sum(strata.values()) for strata in report["before"].values()) == report["num_events"] == len(catalog)
    assert sum(sum(strata.values()) for strata in report["after"].values()) == len(used)
    assert report["num_unused"] == len(catalog) - len(used)
    assert sum(report["groups"].values()) == report["num_groups"]
    assert sum(report["shares"].values()) == pytest.approx(1)


def test_undersampling_evens_out_the_classes_of_the_balanced_parts_only() -> None:
    catalog = _catalog([[0] * 10 + [1] * 6 + [2] * 8 + [None] * 5] * 10)
    splits, report = make_split(catalog, settings=SplitConfig(), seed=1)
    before, after = report["before"], report["after"]
    assert before["train"] == {"nue CC": 70, "numu CC": 42, "NC": 56, "none": 35}
    assert after["train"] == {"nue CC": 42, "numu CC": 42, "NC": 42, "none": 35}
    assert after["val"] == {"nue CC": 6, "numu CC": 6, "NC": 6, "none": 5}
    assert after["test"] == before["test"] == {"nue CC": 20, "numu CC": 12, "NC": 16, "none": 10}
    assert report["shares"] == pytest.approx({"train": 0.7, "val": 0.1, "test": 0.2})
    assert report["groups"] == {"train": 7, "val": 1, "test": 2}
    assert set(splits["reason"]) == {"", "balance of the classes in train", "balance of the classes in val"}


def test_the_split_depends_on_seed_and_events_not_on_the_order_of_rows() -> None:
    catalog = _catalog([[0, 1, 2] * 6] * 12)
    once, report = make_split(catalog, settings=SplitConfig(), seed=1)
    shuffled, same = make_split(catalog.sample(frac=1, random_state=3), settings=SplitConfig(), seed=1)
    pd.testing.assert_frame_equal(once, shuffled)
    assert report == same
    _, other = make_split(catalog, settings=SplitConfig(), seed=2)
    assert other["catalog_sha256"] != report["catalog_sha256"]


def test_the_report_is_json() -> None:
    _, report = make_split(_catalog([[0, 1, 2] * 6] * 12), settings=SplitConfig(), seed=1)
    assert json.loads(json.dumps(report)) == report
    assert report["settings"] == SplitConfig().model_dump(mode="json")
    assert len(report["catalog_sha256"]) == 64


def test_a_part_with_share_zero_stays_out() -> None:
    config = SplitConfig(train=0.5, val=0.0, test=0.5)
    splits, report = make_split(_catalog([[0, 1, 2] * 6] * 2), settings=config, seed=1)
    assert set(splits["part"]) == set(report["before"]) == {"train", "test"}


def test_without_classes_events_are_shared_out_as_one() -> None:
    catalog = _catalog([[None] * 10] * 10)
    splits, _ = make_split(catalog, settings=SplitConfig(stratify_by="none"), seed=1)
    assert splits["part"].value_counts().to_dict() == {"train": 70, "test": 20, "val": 10}
    with pytest.raises(SplitError, match=r"split.stratify_by=neutrino: no event has this class.*stratify_by: none"):
        make_split(catalog, settings=SplitConfig(), seed=1)


def test_two_files_of_one_generator_stream_go_together() -> None:
    catalog = _catalog([[0, 1, 2] * 6] * 6, ["1/0", "1/0", "1/1", "1/2", "1/3", "1/4"])
    splits, report = make_split(catalog, settings=SplitConfig(), seed=1)
    assert report["num_groups"] == 5
    assert splits.loc[splits["run"] < 2, "part"].nunique() == 1


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "the catalog has no events"),
        ([[0, 1, 2] * 9] * 2, r"2 groups .* cannot fill the 3 parts train, val, test; give at least 3 source files"),
        ([[0, 1, 2] * 4] * 3, r"val has 4 events of class NC.*split.min_events_per_class=5 in every part; give more"),
        ([[0] * 9 + [1] * 9] * 5 + [[2] * 9], r"(train|val|test) has 0 events of class NC"),
    ],
)
def test_what_cannot_be_split_is_refused(sources: list[list[int | None]], message: str) -> None:
    with pytest.raises(SplitError, match=message):
        make_split(_catalog(sources), settings=SplitConfig(), seed=1)
