"""Projections against the truth vertices of CosmicTagger's example events, and by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.config.settings import NUM_PLANES
from nuweave.physics.detectors import DETECTORS, UNSEEN, Detector, get_detector
from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL
from nuweave.store import ShardReader

# x, y, z [cm] of the five example events and the centres (wire, time) of their vertex clusters in the three planes
VERTICES_CM = [
    (0.88, -43.83, 472.89),
    (-59.37, 132.30, 250.18),
    (-45.81, -157.75, 252.35),
    (155.26, 84.99, 77.66),
    (123.27, 171.50, 397.79),
]
CENTRES = [
    [(1522, 640), (1269, 641), (1766, 640)],
    [(642, 449), (1406, 450), (1024, 450)],
    [(1483, 492), (573, 493), (1031, 494)],
    [(491, 1134), (982, 1135), (449, 1134)],
    [(775, 1032), (1765, 1033), (1516, 1031)],
]


def project(detector: Detector, *place: float, time_us: float = 0.0) -> list[list[float]]:
    return [sites[0].tolist() for sites in detector.project(np.array([place]), np.array([time_us]))]


@pytest.mark.parametrize(("vertex", "centres"), list(zip(VERTICES_CM, CENTRES, strict=True)))
def test_projected_vertices_agree_with_the_example_events(
    vertex: tuple[float, ...], centres: list[tuple[int, int]]
) -> None:
    rows, columns = np.abs(np.array(project(get_detector("sbnd"), *vertex)) - np.array(centres)).T
    assert rows.max() < 1
    assert columns.max() <= 1.5


def test_projected_vertices_agree_with_the_real_file(shared_data: Path) -> None:
    with ShardReader(shared_data / "larcv3" / "sbnd_2events.h5") as reader:
        for event in range(2):
            vertex = reader.particles("particle_sbndneutrino", event)[0]["vtx"]
            found = project(get_detector("sbnd"), *(float(vertex[axis]) for axis in "xyz"))
            for plane, clusters in enumerate(reader.clusters("cluster2d_sbndneutrino", event)):
                assert np.abs(clusters.image.coords.mean(axis=0) - found[plane]).max() <= 1.5


def test_late_charge_shifts_towards_the_cathode_from_both_sides() -> None:
    sbnd = get_detector("sbnd")
    for x, change in ((-100.0, 50.0), (100.0, -50.0)):
        early, late = project(sbnd, x, 0, 250)[2], project(sbnd, x, 0, 250, time_us=100.0)[2]
        assert late[1] - early[1] == pytest.approx(change)
        assert late[0] == early[0] == 1024


def test_charge_outside_of_the_readout_window_is_lost() -> None:
    sbnd = get_detector("sbnd")
    for x, time_us in ((-100.0, 700.0), (-100.0, -700.0), (100.0, 700.0), (100.0, -700.0)):
        assert all(column < -1000 for _, column in project(sbnd, x, 0, 250, time_us=time_us))
        assert all(0 <= column < 1280 for _, column in project(sbnd, x, 0, 250))


def test_the_active_volume_falls_on_the_wires_that_exist() -> None:
    sbnd = get_detector("sbnd")
    corners = np.stack(np.meshgrid(*sbnd.bounds_cm), axis=-1).reshape(-1, 3)
    for sites, blocks in zip(sbnd.project(corners, np.zeros(8)), sbnd.blocks, strict=True):
        wires = blocks[0].sites[0]
        assert wires[0] - 2.5 <= sites[:, 0].min() <= wires[0] + 2.5
        assert wires[-1] - 2.5 <= sites[:, 0].max() <= wires[-1] + 2.5


def test_drift_distance_is_that_to_the_nearest_wires() -> None:
    places = np.array([[0.0, 0, 0], [-150.0, 0, 0], [199.0, 0, 0], [250.0, 0, 0]])
    assert get_detector("sbnd").drift_cm(places).tolist() == [200, 50, 1, 0]


def test_cube_voxels_are_four_millimetres_from_the_lower_corner() -> None:
    cube = get_detector("cube")
    low = cube.bounds_cm[:, 0]
    assert project(cube, *(low + 0.2))[0] == pytest.approx([0, 0, 0])
    assert project(cube, *(low + np.array([0.2, 0.6, 40.2])))[0] == pytest.approx([0, 1, 100])
    assert project(cube, *(low + 0.2), time_us=10.0)[0] == pytest.approx([4, 0, 0])
    assert cube.drift_cm(np.array([low + 3.0])) == pytest.approx([3.0])


def test_views_of_nova_are_plane_and_cell_along_x_and_along_y_whenever_the_deposit_was() -> None:
    nova = get_detector("nova")
    assert nova.bounds_cm.tolist() == [[-156, 156], [-156, 156], [0, 660]]
    low = nova.bounds_cm[:, 0]
    place = low + np.array([0.5 * 3.9, 10.5 * 3.9, 20.5 * 6.6])  # cell 0 along x, cell 10 along y, plane 20
    for time_us in (-500.0, 0.0, 500.0):
        for found, wanted in zip(project(nova, *place, time_us=time_us), ([20, 0], [20, 10]), strict=True):
            assert found == pytest.approx(wanted)
    assert nova.drift_axis is None
    assert nova.drift_cm(np.array([low, place])).tolist() == [0, 0]
    assert [block.plane for blocks in nova.blocks for block in blocks] == [0, 1]


@pytest.mark.parametrize(
    ("name", "shape"), [("cube", (256, 256, 256)), ("dune_nd", (512, 256, 768)), ("nova", (100, 80))]
)
def test_the_corners_of_a_box_are_the_outer_edges_of_its_sites(name: str, shape: tuple[int, ...]) -> None:
    detector = get_detector(name)
    low, high = detector.bounds_cm.T
    for corner, edge in ((low, np.full(len(shape), -0.5)), (high, np.array(shape) - 0.5)):
        for found in project(detector, *corner):
            assert found == pytest.approx(edge)


def test_views_of_dune_nd_2d_look_at_its_voxels_from_0_plus_60_and_minus_60_degrees() -> None:
    """A metre up is 86.6 cm along the slanted views, 50 cm along the beam 25 cm: 216.5 and 62.5 sites of 4 mm."""
    voxels, views = get_detector("dune_nd"), get_detector("dune_nd_2d")
    assert views.bounds_cm.tolist() == voxels.bounds_cm.tolist()
    assert views.medium == voxels.medium == LIQUID_ARGON
    middle = np.array(project(views, 0, 0, 0))
    up, on, aside = (np.array(project(views, *place)) - middle for place in ((0, 1, 0), (0, 0, 1), (1, 0, 0)))
    assert up[:, 0] == pytest.approx([0, 2.165, -2.165], abs=1e-3)
    assert on[:, 0] == pytest.approx([2.5, 1.25, 1.25])
    assert aside[:, 0] == pytest.approx([0, 0, 0])
    assert aside[:, 1] == pytest.approx([2.5, 2.5, 2.5])
    corners = np.stack(np.meshgrid(*views.bounds_cm), axis=-1).reshape(-1, 3)
    for sites in views.project(corners, np.zeros(8)):
        assert np.all((sites >= -0.5 - 1e-9) & (sites <= np.array([768, 512]) - 0.5 + 1e-9))


def test_nova_is_filled_with_oil_and_all_others_with_argon() -> None:
    assert {name for name, one in DETECTORS.items() if one.medium == MINERAL_OIL} == {"nova"}
    assert {one.medium.name for one in DETECTORS.values()} == {"liquid argon", "mineral oil"}


def places_in(detector: Detector, num: int) -> NDArray[np.float64]:
    """Random places in the volume, none within 1 cm of the cathode of sbnd, where columns overlap."""
    low, high = detector.bounds_cm.T
    places = np.random.default_rng(5).uniform(low, high, (num, 3))
    return places if detector.name != "sbnd" else places[np.abs(places[:, 0]) > 1.0]


@pytest.mark.parametrize("name", ["sbnd", "cube", "dune_nd", "dune_nd_2d", "nova"])
def test_a_place_is_found_again_from_its_sites(name: str) -> None:
    detector = get_detector(name)
    places = places_in(detector, 200)
    found = detector.locate(detector.project(places, np.zeros(len(places))))
    assert np.abs(found - places).max() < 1e-9
    assert {bool(x > 0) for x in places[:, 0]} == {True, False}


def test_of_the_three_wire_planes_two_are_enough_and_one_is_not() -> None:
    sbnd = get_detector("sbnd")
    places = places_in(sbnd, 50)
    for missing in range(3):
        coords = sbnd.project(places, np.zeros(len(places)))
        coords[missing][:, missing % 2] = np.nan  # of the wire or of the time: either leaves the plane out
        assert np.abs(sbnd.locate(coords) - places).max() < 1e-9
        coords[(missing + 1) % 3][0] = np.nan
        assert np.isnan(sbnd.locate(coords)).all(axis=1).tolist() == [True, *[False] * (len(places) - 1)]


def test_both_views_of_nova_and_the_one_of_the_cube_are_needed() -> None:
    for name in ("nova", "cube"):
        detector = get_detector(name)
        coords = detector.project(places_in(detector, 2), np.zeros(2))
        coords[-1][0] = np.nan
        assert np.isnan(detector.locate(coords)).tolist() == [[True] * 3, [False] * 3]


@pytest.mark.parametrize(
    ("plane", "moved_cm"),
    [
        # rows are a / 2 -+ s u and a, of a along z and u along y in wires and s = sin 60: normal matrix 3/2, 3/2
        (0, (0.0, -0.3 * math.sqrt(3) / 3, 0.1)),
        (1, (0.0, 0.3 * math.sqrt(3) / 3, 0.1)),
        (2, (0.0, 0.0, 0.2)),
    ],
)
def test_a_row_too_many_in_one_plane_moves_the_place_by_its_share(
    plane: int, moved_cm: tuple[float, float, float]
) -> None:
    sbnd = get_detector("sbnd")
    place = np.array([[-100.0, 20.0, 300.0]])
    coords = sbnd.project(place, np.zeros(1))
    coords[plane][:, 0] += 1.0
    assert (sbnd.locate(coords) - place)[0] == pytest.approx(moved_cm, abs=1e-9)


def test_columns_and_planes_that_disagree_are_averaged() -> None:
    sbnd, nova = get_detector("sbnd"), get_detector("nova")
    place = np.array([[100.0, 20.0, 300.0]])
    coords = sbnd.project(place, np.zeros(1))
    coords[1][:, 1] += 3.0  # a third of it is left: one column, 3.125 mm
    assert (sbnd.locate(coords) - place)[0] == pytest.approx([0.3125, 0.0, 0.0], abs=1e-9)
    views = nova.project(place, np.zeros(1))
    views[0] += np.array([1.0, 1.0])
    assert (nova.locate(views) - place)[0] == pytest.approx([3.9, 0.0, 3.3], abs=1e-9)


def test_next_to_the_cathode_a_place_may_come_out_8_mm_off() -> None:
    sbnd = get_detector("sbnd")
    places = np.stack([np.linspace(-1.0, 1.0, 201), np.zeros(201), np.full(201, 250.0)], axis=1)
    coords = sbnd.project(places, np.zeros(201))
    seen = coords[0][:, 1] > UNSEEN
    off_cm = np.abs(sbnd.locate(coords) - places)[seen, 0]
    assert off_cm.max() == pytest.approx(2.7 / 3.2)
    assert off_cm[np.abs(places[seen, 0]) > 0.45].max() < 1e-9


@pytest.mark.parametrize(("vertex", "centres"), list(zip(VERTICES_CM, CENTRES, strict=True)))
def test_true_vertices_of_the_example_events_are_found_to_half_a_centimetre(
    vertex: tuple[float, ...], centres: list[tuple[int, int]]
) -> None:
    found = get_detector("sbnd").locate([np.array([centre], np.float64) for centre in centres])
    assert np.abs(found[0, 1:] - np.array(vertex[1:])).max() < 0.3
    assert abs(found[0, 0] - vertex[0]) < 0.5


@pytest.mark.parametrize("name", ["sbnd", "cube", "dune_nd", "dune_nd_2d"])
def test_shapes_divide_by_every_usual_downsampling(name: str) -> None:
    detector = get_detector(name)
    assert len(detector.shapes) == len(detector.blocks) == detector.num_projections
    for shape in detector.shapes:
        assert len(shape) == detector.ndim == len(detector.site_cm) == len(detector.origin_cm)
        assert all(num % 64 == 0 for num in shape)


def test_the_configuration_knows_how_many_planes_each_detector_has() -> None:
    assert {name: detector.num_projections for name, detector in DETECTORS.items()} == NUM_PLANES


def test_an_unknown_detector_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(
        ValueError, match="detector='icarus' is not known; try one of sbnd, cube, dune_nd, dune_nd_2d, nova"
    ):
        get_detector("icarus")
