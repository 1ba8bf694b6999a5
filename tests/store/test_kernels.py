"""Every site of an event is looked at, and the first thing that is wrong is told."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.store.kernels import (
    BAD_LABEL,
    DIFFERENT_SITES,
    DISORDER,
    MEANING,
    NOT_FINITE,
    OUTSIDE,
    RIGHT,
    find_fault,
)

WIDTHS = [("u4", "f4", "u1"), ("u8", "f4", "f4"), ("u4", "u1", "u1")]


def look(
    ids: list[int],
    *,
    values: list[float] | None = None,
    label_ids: list[int] | None = None,
    labels: list[float] | None = None,
    ends: tuple[int, ...] = (2, 2, 4),
    num_ids: int = 10,
    widths: tuple[str, str, str] = ("u8", "f4", "f4"),
) -> int:
    """What is found in two projections of two sites each and one without, of images of ten sites and three classes."""
    of_ids, of_values, of_labels = widths
    return find_fault(
        np.array(ids, of_ids),
        np.array(values or [1] * len(ids), of_values),
        np.array(ids if label_ids is None else label_ids, of_ids),
        np.array([0] * len(ids) if labels is None else labels, of_labels),
        np.array(ends, np.int64),
        num_ids,
        3,
    )


@pytest.mark.parametrize("widths", WIDTHS)
def test_right_events_are_right_in_every_width(widths: tuple[str, str, str]) -> None:
    assert look([3, 9, 0, 1], labels=[0, 1, 2, 0], widths=widths) == RIGHT
    assert look([], ends=(), widths=widths) == RIGHT
    assert look([3, 9, 0, 1], label_ids=[], labels=[], widths=widths) == RIGHT


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([3, 10, 0, 1], OUTSIDE),
        ([0, 1, 2, 10], OUTSIDE),
        ([9, 3, 0, 1], DISORDER),
        ([0, 1, 4, 4], DISORDER),
        ([2**63, 2**63 + 1, 0, 1], DISORDER),
    ],
)
def test_ids_that_leave_the_image_or_do_not_ascend_are_found(ids: list[int], found: int) -> None:
    assert look(ids) == found


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_found(value: float) -> None:
    assert look([3, 9, 0, 1], values=[1, 2, 3, value]) == NOT_FINITE


@pytest.mark.parametrize("label", [3, -1, 0.5, np.nan, np.inf, 256, 300])
def test_a_label_that_is_no_class_is_found(label: float) -> None:
    assert look([3, 9, 0, 1], labels=[0, 0, 0, label]) == BAD_LABEL


def test_other_sites_of_the_label_are_found() -> None:
    assert look([3, 9, 0, 1], label_ids=[3, 8, 0, 1]) == DIFFERENT_SITES


def test_images_of_more_sites_than_32_bits_number_are_looked_at_alike() -> None:
    assert look([0, 2**33 - 1], ends=(2,), num_ids=2**33) == RIGHT
    assert look([0, 2**33], ends=(2,), num_ids=2**33) == OUTSIDE


def test_all_that_can_be_found_has_a_meaning() -> None:
    assert set(MEANING) == {DISORDER, OUTSIDE, NOT_FINITE, DIFFERENT_SITES, BAD_LABEL}
