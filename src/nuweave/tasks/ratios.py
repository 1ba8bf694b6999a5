"""Ratios of sums, some of which count nothing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_GRAIN = 2.0**-36


def ratio(above: ArrayLike, below: ArrayLike, *, empty: float = np.nan) -> Floats:
    """above / below, and `empty` where below is 0."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), empty)


def nan_mean(values: Floats, axis: int) -> Floats:
    """Mean of the numbers along an axis; nan, without a warning, where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis))


def defined(metrics: Mapping[str, Floats]) -> dict[str, float]:
    """The metrics that the events define, as plain numbers."""
    return {name: float(value) for name, value in metrics.items() if np.isfinite(value)}


def grained(shares: Floats) -> Floats:
    """Numbers from 0 to 1 as multiples of 2^-36: 10^5 of them add without rounding, to the same sum in any order."""
    return np.asarray(np.round(shares / _GRAIN) * _GRAIN)
