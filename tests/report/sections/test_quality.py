"""What the page says of the data: what was mended, what is absent and why, leaks, visible energy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.sections.blocks import Grid, number
from nuweave.report.sections.quality import (
    balance_grids,
    checks_block,
    conversion_notes,
    truth_block,
    visible_gap,
    visible_pictures,
)


def noted(grid: Grid) -> dict[str, str]:
    """First cell of a row -> the note under it."""
    return {row[0]: note for row, note in zip(grid.rows, grid.notes, strict=True)}


def test_what_was_mended_is_summed_over_files_and_named() -> None:
    text, (grid,) = conversion_notes([{"notes": {"outside": 7}}, {"notes": {"outside": 2, "not_finite": 0}}, {}])
    assert grid.rows == [["outside", "9", "2"]]
    assert "left out" in noted(grid)["outside"]
    assert "dealt with" in text


def test_nothing_mended_and_nothing_counted_are_told_apart() -> None:
    assert conversion_notes([{"notes": {"outside": 0}}]) == ("Nothing in the files had to be mended.", [])
    text, grids = conversion_notes([{"source": "a"}])
    assert "is not known" in text
    assert grids == []


def test_truth_that_some_files_lack_is_absent_with_its_reason() -> None:
    catalog = pd.DataFrame({"neutrino": pd.array([0, None, None], "Int8"), "nu_pdg": pd.array([12, 16, None], "Int32")})
    manifests = [
        {"adapter": "edepsim_h5", "truth": {"site_labels": True, "mode": True}},
        {"adapter": "nexus_h5", "truth": {"site_labels": False, "mode": True}},
    ]
    files, events = truth_block(catalog, manifests).grids
    assert files.rows == [["site labels", "1 of 2"], ["mode", "2 of 2"]]
    assert noted(files) == {
        "site labels": "not in files of nexus_h5: no segmentation, no charge of the neutrino alone",
        "mode": "",
    }
    assert events.rows == [["neutrino", "1 of 3"]]
    assert events.notes[0].startswith(
        "1 events have no neutrino; 1 neutrinos are left without a class by convert.truth"
    )


def test_a_run_without_manifests_still_says_which_events_have_a_class(config: Config) -> None:
    (grid,) = truth_block(gather(config).catalog, []).grids
    assert grid.rows[0] == ["neutrino", "24 of 24"]


def test_checks_are_counted_and_a_gap_is_no_pass(config: Config) -> None:
    block = checks_block(gather(config).quality)
    assert "1 checks hold, 1 do not, 1 could not be made" in block.text[0]
    assert list(block.grids[0].verdicts) == [False, True, None]
    assert block.grids[0].rows[0] == ["source files in two parts", "1", "0"]
    assert noted(block.grids[0])["source files in two parts"] == "raw/000.h5"


def test_classes_that_no_event_has_are_left_out_of_the_balance() -> None:
    parts = {"all events": {"nue CC": 3, "NC": 1, "no class": 0}, "train": {"nue CC": 2, "NC": 0, "no class": 0}}
    (grid,) = balance_grids({"balance": {"neutrino": parts}})
    assert grid.head == ["class", "all events", "train"]
    assert grid.rows == [["neutrino: nue CC", "3 (75.0 %)", "2 (100.0 %)"], ["neutrino: NC", "1 (25.0 %)", "0 (0.0 %)"]]
    assert balance_grids({"balance": {}}) == []


@pytest.mark.parametrize(("energy", "labelled"), [(np.nan, True), (1.0, False)])
def test_without_energy_or_labels_there_is_a_sentence_in_place_of_the_picture(energy: float, labelled: bool) -> None:
    catalog = pd.DataFrame({"nu_energy_gev": [energy] * 20, "charge_neutrino": [5.0 if labelled else np.nan] * 20})
    assert visible_pictures(catalog, pd.Series(["NC"] * 20), {"visible": {}}) == []
    assert "no class has 10 events with energy and site labels" in visible_gap({"visible": {}})


@pytest.mark.parametrize("num", [10, 200])
def test_visible_energy_is_drawn_for_classes_with_enough_events(num: int) -> None:
    rng = np.random.default_rng(1)
    energy = rng.uniform(0.3, 3, num)
    catalog = pd.DataFrame({"nu_energy_gev": energy, "charge_neutrino": 2e5 * energy})
    facts = {"charge_per_gev": [2e5] * 3, "correlation": 1.0}
    quality = {"visible": {"nue CC": facts | {"num_events": num}, "NC": facts | {"num_events": 3}}}
    with page_style():
        (picture,) = visible_pictures(catalog, pd.Series(["nue CC"] * num), quality)
    assert "nue CC: 200,000 a GeV (68 %: 200,000 to 200,000), correlation 1.00" in picture.alt
    assert "NC" not in picture.alt
    assert visible_gap(quality) == ""


def test_equal_energies_of_a_gun_can_be_drawn() -> None:
    catalog = pd.DataFrame({"nu_energy_gev": [1.0] * 12, "charge_neutrino": [3.0] * 12})
    facts = {"num_events": 12, "charge_per_gev": [3.0] * 3, "correlation": None}
    with page_style():
        (picture,) = visible_pictures(catalog, pd.Series(["NC"] * 12), {"visible": {"NC": facts}})
    assert f"correlation {number(None)}" in picture.alt
