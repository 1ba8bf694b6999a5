"""Axes are turned and places shifted, momenta only turned."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.config import ConfigError
from nuweave.convert.event import Deposits, Event, Images, Vertex
from nuweave.convert.frame import to_detector
from nuweave.store import PARTICLE
from tests.convert.handmade import deposits


def event() -> Event:
    """A step from (1, 2, 3) to (4, 5, 6), its vertex at the start, a neutrino and a muon with momenta (7, 8, 9)."""
    rows = np.zeros(2, PARTICLE)
    for axis, place, momentum in zip("xyz", (1, 2, 3), (7, 8, 9), strict=True):
        rows["vtx"][axis], rows[f"p{axis}"] = place, momentum
    rows["end_pt"]["x"][1] = 4
    return Event(0, deposits(((1, 2, 3), (4, 5, 6))), Vertex(np.array([1.0, 2.0, 3.0]), 0.5), rows, None)


def test_the_file_s_drift_axis_becomes_x() -> None:
    moved = to_detector(event(), axes="zxy", shift_cm=(10, 20, 30))
    assert isinstance(moved.content, Deposits)
    assert moved.content.start_cm_N3.tolist() == [[13, 21, 32]]
    assert moved.content.end_cm_N3.tolist() == [[16, 24, 35]]
    assert moved.vertex is not None
    assert (moved.vertex.place_cm.tolist(), moved.vertex.time_us) == ([13, 21, 32], 0.5)
    assert moved.particles is not None
    assert [moved.particles["vtx"][axis].tolist() for axis in "xyz"] == [[13, 13], [21, 21], [32, 32]]
    assert [moved.particles[f"p{axis}"].tolist() for axis in "xyz"] == [[9, 9], [7, 7], [8, 8]]
    assert moved.content.energy_mev_N.tolist() == event().content.energy_mev_N.tolist()  # type: ignore[union-attr]


def test_places_that_the_source_does_not_give_stay_zero() -> None:
    moved = to_detector(event(), axes="xyz", shift_cm=(10, 20, 30)).particles
    assert moved is not None
    assert [moved["end_pt"][axis].tolist() for axis in "xyz"] == [[0, 14], [0, 20], [0, 30]]
    assert [moved["first_step"][axis].tolist() for axis in "xyz"] == [[0, 0]] * 3


def test_nothing_is_done_unless_asked_for() -> None:
    before = event()
    assert to_detector(before, axes="xyz", shift_cm=(0.0, 0.0, 0.0)) is before


def test_images_cannot_be_moved() -> None:
    images = Event(0, Images([], None, None, None), None, None, None)
    assert to_detector(images, axes="xyz", shift_cm=(0, 0, 0)) is images
    with pytest.raises(ConfigError, match=r"axes=zyx and convert.shift_cm=\[0, 0, 0\] move deposits.*remove both"):
        to_detector(images, axes="zyx", shift_cm=(0, 0, 0))
