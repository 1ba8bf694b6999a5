"""Sites and centimetres of merged images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nuweave.evaluate.geometry import Geometry
from nuweave.physics.detectors import get_detector
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


SBND = Geometry(get_detector("sbnd"), 1)
PLACES = np.random.default_rng(1).uniform((20.0, -150.0, 50.0), (180.0, 150.0, 450.0), (6, 3))


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_one_wrong_plane_does_not_move_the_place(wrong: int) -> None:
    sites = SBND.project(PLACES)
    sites[:, wrong] += (200.0, 90.0)
    np.testing.assert_allclose(SBND.locate(sites), PLACES, atol=1e-9)


def test_planes_that_agree_share_their_error() -> None:
    """A row more in the third plane, which sees z in steps of 0.3 cm: two thirds of it, as the others see half of z."""
    sites = SBND.project(PLACES)
    sites[:, 2, 0] += 1.0
    np.testing.assert_allclose(SBND.locate(sites) - PLACES, [[0.0, 0.0, 0.2]] * 6, atol=1e-9)


def test_a_plane_without_a_place_is_left_out_and_one_plane_alone_gives_none() -> None:
    sites = SBND.project(PLACES)
    sites[:, 0] = np.nan
    np.testing.assert_allclose(SBND.locate(sites), PLACES, atol=1e-9)
    sites[:, 1] = np.nan
    assert np.isnan(SBND.locate(sites)).all()
