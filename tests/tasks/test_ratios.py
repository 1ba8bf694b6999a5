"""Ratios that may divide by nothing."""

from __future__ import annotations

import numpy as np

from nuweave.tasks.ratios import nan_mean, ratio


def test_ratio_of_nothing_is_what_the_caller_says() -> None:
    assert ratio([1, 0], [2, 0], empty=1.0).tolist() == [0.5, 1.0]
    assert np.isnan(ratio(0, 0))


def test_mean_skips_what_is_not_defined_and_warns_of_nothing() -> None:
    assert nan_mean(np.array([[1.0, np.nan], [np.nan, np.nan]]), axis=1)[0] == 1
    assert np.isnan(nan_mean(np.array([[np.nan, np.nan]]), axis=1)[0])
