"""Projections against the truth vertices of CosmicTagger's example events, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nuweave.physics.detectors import Detector, get_detector
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
    found = project(get_detector("sbnd"), *vertex)
    assert np.abs(np.array(found) - np.array(centres)).max() <= 1.5


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


@pytest.mark.parametrize("name", ["sbnd", "cube"])
def test_shapes_divide_by_every_usual_downsampling(name: str) -> None:
    detector = get_detector(name)
    assert len(detector.shapes) == len(detector.blocks) == detector.num_projections
    for shape in detector.shapes:
        assert len(shape) == detector.ndim == len(detector.site_cm) == len(detector.origin_cm)
        assert all(num % 64 == 0 for num in shape)


def test_an_unknown_detector_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValueError, match="detector='icarus' is not known; try one of sbnd, cube"):
        get_detector("icarus")
