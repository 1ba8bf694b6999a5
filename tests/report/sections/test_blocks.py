"""How numbers and names are written."""

from __future__ import annotations

import pytest

from nuweave.report.sections.blocks import Grid, best_baseline, margin, number, share, significant, with_error, words


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.84213, 0.0061, "0.842 ± 0.006"),
        (0.99678, 0.00012, "0.99678 ± 0.00012"),
        (0.5, None, "0.500"),
        (None, None, "\N{EN DASH}"),
        (0.5, 0.0, "0.500 ± 0.000"),
    ],
)
def test_value_has_the_digits_of_its_error(value: float | None, error: float | None, text: str) -> None:
    assert with_error(value, error) == text


def test_margin_has_a_sign() -> None:
    assert margin({"margin": 0.1, "margin_error": 0.02}) == "+0.100 ± 0.020"
    assert margin({"margin": -0.1, "margin_error": None}) == "\N{MINUS SIGN}0.100"
    assert margin({"margin": None, "margin_error": None}) == number(None)


def test_best_baseline_is_named() -> None:
    entry = {"best_baseline": "all_cosmic", "baselines": {"all_cosmic": {"value": 0.25}}}
    assert best_baseline(entry) == "0.250 (all cosmic)"
    assert best_baseline({"best_baseline": None, "baselines": {}}) == number(None)


def test_names_become_words() -> None:
    assert words("plane0/mean_iou") == "plane 0: mean IoU"
    assert words("neutrino_auc") == "neutrino AUC"


def test_three_digits_are_shown_without_a_power_of_ten() -> None:
    assert [significant(value) for value in (195_912.0, 0.012345, 12.0, -1.5, 1.23e7)] == [
        *("196,000", "0.0123", "12", "\N{MINUS SIGN}1.5", "12,300,000"),
    ]


def test_a_column_with_one_long_cell_is_text() -> None:
    grid = Grid("", ["name", "number", "text"], [["a", "1", "short"], ["b", "2", "one that is longer than a number"]])
    assert grid.text_columns == {2}


def test_shares_of_nothing_are_zero() -> None:
    assert share({"a": 1, "b": 2}, "a") == "33.3 %"
    assert share({}, "a") == "0.0 %"
