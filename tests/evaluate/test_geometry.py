"""Sites and centimetres of merged images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nuweave.evaluate.geometry import Geometry
from tests.evaluate.conftest import Views

MERGED = Geometry(Views(), 4)


def test_a_merged_site_covers_its_sites() -> None:
    """Sites 0 to 3 of the detector are merged into site 0, whose middle is 1.5."""
    assert MERGED.shapes == ((8, 6),) * 3
    assert MERGED.site_cm.tolist() == [8, 4]
    (place,) = MERGED.locate(np.zeros((1, 3, 2)))
    assert place.tolist() == [1.5 * 1.5, 1.5, 3.0]  # x is seen in sites of 1 and of 2 cm, y and z alike in two views
    (seen,) = MERGED.project(np.array([[1.5, 1.5, 3.0]]))
    assert seen[0].tolist() == [0, 0]


def test_what_is_projected_is_located_again() -> None:
    places = np.random.default_rng(0).uniform(0, 20, (5, 3))
    np.testing.assert_allclose(MERGED.locate(MERGED.project(places)), places)


def test_a_place_outside_of_an_image_is_not_seen_there() -> None:
    """The images end at z = 63, x = y = 23.5 cm in the first two views, at x = 63 and y = 23.5 cm in the third."""
    nan = math.nan
    seen = MERGED.project(np.array([[40.0, 20.0, 10.0], [20.0, 20.0, 63.0], [nan, nan, nan]]))
    assert np.isfinite(seen).all(axis=2).tolist() == [[False, True, True], [False, False, True], [False] * 3]
    assert seen[0, 1] == pytest.approx([(10 / 2 + 0.5) / 4 - 0.5, (20 + 0.5) / 4 - 0.5])
