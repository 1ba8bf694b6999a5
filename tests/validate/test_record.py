"""Rows know whether they hold; a validation comes back from its file as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.config import UserError
from nuweave.validate.record import Row, Validation, between, error_of_mean, near, read_validation, write_validation


def test_limits_are_allowed_values() -> None:
    assert [between("", "", value, 1.0, 2.0, "").held for value in (0.99, 1.0, 2.0, 2.01)] == [False, True, True, False]


@pytest.mark.parametrize(("value", "low", "high"), [(None, 1.0, 2.0), (1.0, None, 2.0), (1.0, 1.0, None)])
def test_without_value_or_limit_there_is_no_verdict(value: float | None, low: float | None, high: float | None) -> None:
    assert between("", "", value, low, high, "").held is None


def test_near_is_a_share_on_either_side() -> None:
    row = near("showers", "gap", 18.5, 18.0, 0.1, "cm", "a note")
    assert row.low == pytest.approx(16.2)
    assert row.high == pytest.approx(19.8)
    assert replace(row, low=0.0, high=0.0) == Row("showers", "gap", 18.5, 0.0, 0.0, "cm", True, "a note")


def test_error_of_a_mean_has_two_digits_or_none_after_the_point() -> None:
    assert error_of_mean(np.array([1.0, 3.0, 1.0, 3.0])) == "+- 0.5"
    assert error_of_mean(np.array([0.0, 2469.0, 0.0, 2469.0])) == "+- 617"


def test_a_validation_comes_back(tmp_path: Path, validation: Validation) -> None:
    write_validation(validation, tmp_path / "one.json")
    assert read_validation(tmp_path / "one.json") == validation
    write_validation(replace(validation, commit=None, dirty=None), tmp_path / "one.json")
    assert read_validation(tmp_path / "one.json").commit is None


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"rows": [{}], "figures": []}'])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "none.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=r"none.json: (no such file|is no validation).*nuweave validate --json"):
        read_validation(path)
