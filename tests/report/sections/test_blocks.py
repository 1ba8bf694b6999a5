"""How numbers and names are written."""

from __future__ import annotations

import pytest

from nuweave.report.sections.blocks import best_baseline, margin, number, with_error, words


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
