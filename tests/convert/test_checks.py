"""Events with faults: what is dropped, what is noted, and when a whole file is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.config.convert import ResponseConfig
from nuweave.convert.checks import NOWHERE, check_event, in_box, require_mostly_inside
from nuweave.convert.event import Deposits, Event, Images, Note, Vertex
from nuweave.convert.imaging import make_images
from nuweave.physics.detectors import get_detector
from nuweave.store import StoreError
from tests.convert.handmade import deposits

CUBE = get_detector("cube")  # 102.4 cm along each axis; x and y from -51.2, z from 0 cm
STEPS = [((0.0, 0.0, z), (0.0, 0.0, z + 1.0)) for z in (10.0, 20.0, 30.0, 40.0)]
GOOD = deposits(*STEPS)


def checked(content: Deposits, vertex: Vertex | None = None, **notes: int) -> tuple[Deposits, dict[Note, int]]:
    event, _ = check_event(Event(0, content, vertex, None, None, notes), CUBE)  # type: ignore[arg-type]
    assert isinstance(event.content, Deposits)
    return event.content, dict(event.notes)


def spoiled(name: str, row: int, value: float) -> Deposits:
    column = getattr(GOOD, name).copy()
    column[row] = value
    return replace(GOOD, **{name: column})


def test_a_sound_event_is_left_as_it_is() -> None:
    content, notes = checked(GOOD, Vertex(np.array([0.0, 0.0, 10.0]), 0.0), unknown_pdg=3)
    assert content.energy_mev_N.tolist() == GOOD.energy_mev_N.tolist()
    assert notes == {"unknown_pdg": 3}


@pytest.mark.parametrize(
    ("name", "value", "note"),
    [
        ("start_cm_N3", np.nan, "not_finite"),
        ("end_cm_N3", np.inf, "not_finite"),
        ("time_us_N", np.nan, "not_finite"),
        ("energy_mev_N", np.nan, "not_finite"),
        ("dedx_mev_cm_N", np.inf, "not_finite"),
        ("energy_mev_N", -0.1, "negative_energy"),
        ("time_us_N", 3e7, "absurd_time"),
        ("time_us_N", -3e7, "absurd_time"),
        ("start_cm_N3", 300.0, "outside"),
    ],
)
def test_a_deposit_that_cannot_be_is_dropped_and_noted(name: str, value: float, note: Note) -> None:
    content, notes = checked(spoiled(name, 2, value))
    assert content.start_cm_N3[:, 2].tolist() == [10, 20, 40]
    assert content.semantic_N is not None
    assert len(content.semantic_N) == 3
    assert notes == {note: 1}


def test_a_deposit_has_one_fault_and_notes_add_up() -> None:
    energy_mev, time_us = np.array([-np.inf, -1.0, 2.1, 2.1]), np.array([np.nan, 1e9, 0.0, 0.0])
    content, notes = checked(replace(GOOD, energy_mev_N=energy_mev, time_us_N=time_us), not_finite=2)
    assert len(content) == 2
    assert notes == {"not_finite": 3, "negative_energy": 1}


def test_a_deposit_is_where_its_middle_is_and_faces_belong_to_the_box() -> None:
    ends = ((0.0, 0.0, 102.0), (0.0, 0.0, 102.8)), ((0.0, 0.0, 102.0), (0.0, 0.0, 103.0))
    assert checked(deposits(*ends))[1] == {"outside": 1}
    assert in_box(np.array([[-51.2, 51.2, 0.0], [-51.3, 0.0, 0.0]]), CUBE.bounds_cm).tolist() == [True, False]


def test_labels_that_are_not_known_stay_unknown() -> None:
    content, _ = checked(replace(spoiled("time_us_N", 0, np.nan), origin_N=None, semantic_N=None))
    assert (len(content), content.origin_N, content.semantic_N) == (3, None, None)


def test_a_vertex_outside_is_noted_and_its_clusters_are_empty() -> None:
    vertex = Vertex(np.array([0.0, 0.0, -20.0]), 0.0)
    event, _ = check_event(Event(0, GOOD, vertex, None, None), CUBE)
    assert event.notes == {"vertex_outside": 1}
    assert event.vertex is vertex
    settings = ResponseConfig(noise_adc=(1.0,))
    images = make_images(GOOD, event.vertex, detector=CUBE, settings=settings, rng=np.random.default_rng(1))
    assert images.vertex is not None
    assert [group.lengths.tolist() for group in images.vertex] == [[0]]


def test_a_vertex_that_is_no_place_is_none() -> None:
    event, _ = check_event(Event(0, GOOD, Vertex(np.array([0.0, np.nan, 1.0]), 0.0), None, None), CUBE)
    assert (event.vertex, event.notes) == (None, {"not_finite": 1})


def test_images_are_not_touched() -> None:
    event = Event(0, Images([], None, None, None), None, None, None)
    found, spread = check_event(event, CUBE)
    assert found is event
    assert spread is NOWHERE


def test_a_file_with_most_energy_outside_is_refused_with_both_boxes() -> None:
    _, inside = check_event(Event(0, GOOD, None, None, None), CUBE)
    assert (inside.inside_mev, inside.outside_mev) == pytest.approx((8.4, 0.0))
    far = deposits(*[((0.0, 0.0, z), (0.0, 0.0, z + 1.0)) for z in (300.0, 700.0)])
    _, outside = check_event(Event(1, far, None, None, None), CUBE)
    path = Path("a.h5")
    require_mostly_inside(NOWHERE, CUBE, path)
    require_mostly_inside(inside + outside, CUBE, path)  # two thirds are inside
    with pytest.raises(StoreError) as caught:
        require_mostly_inside(inside + outside + outside + outside, CUBE, path)
    assert str(caught.value) == (
        "a.h5: 60 % of its energy lies outside of detector cube (x -51.2 to 51.2, y -51.2 to 51.2, z 0 to 102.4 cm), "
        "its deposits span x 0 to 0, y 0 to 0, z 10.5 to 700.5 cm: mm or cm? A tenth of these would fit; write the "
        "file again in cm, or set convert.axes, convert.shift_cm or detector to what fits"
    )


def test_where_a_tenth_does_not_fit_either_it_only_asks() -> None:
    far = deposits(((0.0, 0.0, -300.0), (0.0, 0.0, -301.0)))
    _, spread = check_event(Event(0, far, None, None, None), CUBE)
    with pytest.raises(StoreError, match=r"100 % of its energy .*: mm or cm\?; write the file again in cm"):
        require_mostly_inside(spread, CUBE, Path("a.h5"))
