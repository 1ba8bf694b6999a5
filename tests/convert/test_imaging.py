"""Images of hand-made steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nuweave.config.convert import ResponseConfig
from nuweave.convert.event import Deposits, Images, Vertex
from nuweave.convert.imaging import SiteSums, make_images, shaping_taps, site_labels, vertex_clusters
from nuweave.convert.response import ionisation_electrons
from nuweave.physics.detectors import Detector, get_detector
from nuweave.physics.truth import SiteLabel
from tests.convert.handmade import both, deposits

SBND, CUBE, NOVA = get_detector("sbnd"), get_detector("cube"), get_detector("nova")
QUIET: dict[str, Any] = {"noise_adc": (0.0, 0.0, 0.0), "threshold_adc": 1e-9, "electron_lifetime_ms": 1e9}
STILL: dict[str, Any] = {"longitudinal_diffusion_cm2_s": 0.0, "transverse_diffusion_cm2_s": 0.0, "shaping_cm": 0.0}
ACROSS = deposits(((-100.0, 20.0, 100.0), (-97.0, 90.0, 160.0)))  # 92 cm through many wires of every plane


def images(steps: Deposits, detector: Detector = SBND, **settings: Any) -> Images:
    response = ResponseConfig.model_validate(settings)
    return make_images(steps, None, detector=detector, settings=response, rng=np.random.default_rng(1))


def test_one_step_across_one_wire_fills_one_pixel_of_the_collection_plane() -> None:
    # wire 1024 covers z = 249.85 to 250.15 cm; column 320 lies at x = -100 cm
    made = images(deposits(((-100.0, 0.0, 249.86), (-100.0, 0.0, 250.14))), **QUIET, **STILL)
    assert made.values[2].coords.tolist() == [[1024, 320]]
    assert made.values[2].values == pytest.approx([2.1 * 0.28 * 0.705 / 23.6e-6 / 195.0], rel=3e-3)


@pytest.mark.parametrize("spread", [STILL, {}])
def test_charge_is_conserved_in_every_plane(spread: dict[str, Any]) -> None:
    made = images(ACROSS, **QUIET, **spread)
    electrons = float(ionisation_electrons(ACROSS, ResponseConfig()).sum())
    for plane in made.values:
        assert float(plane.values.sum()) * 195.0 == pytest.approx(electrons, rel=1e-5)


def test_charge_is_conserved_in_voxels() -> None:
    steps = deposits(((-20.0, -10.0, 30.0), (15.0, 12.0, 80.0)))
    made = images(steps, CUBE, **(QUIET | {"noise_adc": (0.0,)}))
    electrons = float(ionisation_electrons(steps, ResponseConfig()).sum())
    assert float(made.values[0].values.sum()) * 195.0 == pytest.approx(electrons, rel=1e-5)


def test_where_nothing_drifts_a_cell_keeps_all_its_charge_at_once() -> None:
    # cell 40 covers x = 0 to 3.9 cm, cell 45 y = 19.5 to 23.4 cm, plane 10 z = 66 to 72.6 cm
    step = deposits(((1.0, 20.0, 67.0), (3.0, 23.0, 72.0)))
    spread = {"electron_lifetime_ms": 1e-6, "transverse_diffusion_cm2_s": 1e6, "shaping_cm": 30.0}
    made = images(step, NOVA, **(QUIET | {"noise_adc": (0.0, 0.0)} | spread))
    electrons = float(ionisation_electrons(step, ResponseConfig()).sum())
    assert [view.coords.tolist() for view in made.values] == [[[10, 40]], [[10, 45]]]
    for view in made.values:
        assert float(view.values.sum()) * 195.0 == pytest.approx(electrons, rel=1e-5)


def test_a_short_lifetime_takes_charge_by_drift_distance() -> None:
    near, far = (deposits(((x, 0.0, 250.0), (x, 0.0, 250.1))) for x in (-190.0, -10.0))
    sums = [float(images(one, **(QUIET | {"electron_lifetime_ms": 1.0})).values[2].values.sum()) for one in (near, far)]
    assert sums[1] / sums[0] == pytest.approx(np.exp(-180.0 / 160.0), rel=0.02)


def test_diffusion_widens_with_drift_by_the_root_of_2_d_t() -> None:
    # points all over one wire, so that the rounding to wires averages out
    points = deposits(*(((-1.0, 0.0, z), (-1.0, 0.0, z + 1e-4)) for z in np.linspace(249.852, 250.148, 50)))
    made = images(points, **(QUIET | STILL | {"transverse_diffusion_cm2_s": 60.0})).values[2]
    wires = made.coords[:, 0] - 1024
    variance = float((made.values * wires**2).sum() / made.values.sum())
    assert variance * 0.3**2 == pytest.approx(2 * 60e-6 * 199.0 / 0.16, rel=0.06)


def test_shaping_is_along_the_time_axis_only_and_keeps_the_sum() -> None:
    point = deposits(((-100.0, 0.0, 250.0), (-100.0, 0.0, 250.0001)))
    made = images(point, **(QUIET | STILL | {"shaping_cm": 0.3125})).values[2]
    assert made.coords.tolist() == [[1024, column] for column in range(317, 324)]
    assert made.values / made.values.sum() == pytest.approx([0.006, 0.061, 0.242, 0.383, 0.242, 0.061, 0.006], abs=1e-3)
    assert shaping_taps(0.0).tolist() == [1.0]


def test_labels_follow_energy_not_shaped_charge() -> None:
    point = deposits(((-100.0, 0.0, 249.9), (-100.0, 0.0, 250.1)))
    made = images(point, **(QUIET | STILL | {"shaping_cm": 0.3125}))
    assert made.labels is not None
    assert made.labels[2].ids.tolist() == made.values[2].ids.tolist()
    assert made.labels[2].values.tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_neutrino_overrides_cosmic_where_its_energy_reaches_the_threshold() -> None:
    sums = SiteSums(
        sites_S=np.arange(6),
        electrons_S=np.ones(6),
        cosmic_mev_S=np.array([0.0, 0.04, 0.039, 9.00, 0.50, 0.0]),
        neutrino_mev_S=np.array([0.0, 0.0, 0.039, 0.04, 0.039, 0.5]),
    )
    assert site_labels(sums, 0.04).tolist() == [0, 1, 0, 2, 1, 2]
    assert site_labels(sums, 0.0).tolist() == [0, 1, 2, 2, 2, 2]  # no energy is no label, whatever the threshold


def test_a_neutrino_track_over_a_cosmic_track_is_neutrino() -> None:
    step = ((-100.0, 0.0, 240.0), (-100.0, 0.0, 260.0))
    crossing = both(deposits(step), deposits(((-100.0, 0.0, 250.0), (-100.0, 0.0, 250.2)), neutrino=True))
    made = images(crossing, **QUIET, **STILL)
    assert made.labels is not None
    label = dict(zip(made.labels[2].coords[:, 0].tolist(), made.labels[2].values.tolist(), strict=True))
    assert label[1024] == SiteLabel.NEUTRINO
    assert label[1000] == label[1040] == SiteLabel.COSMIC


def test_nothing_is_stored_below_the_threshold_and_noise_is_background() -> None:
    made = images(ACROSS)
    assert made.labels is not None
    for plane, (value, label) in enumerate(zip(made.values, made.labels, strict=True)):
        assert value.values.min() >= 5.0
        assert np.all(np.diff(value.ids) > 0)
        assert np.array_equal(value.ids, label.ids)
        rows, columns = value.coords.T
        blocks = SBND.blocks[plane]
        assert rows.min() >= blocks[0].sites[0].start
        assert rows.max() < blocks[0].sites[0].stop
        assert (label.values == SiteLabel.BACKGROUND).sum() > (9000 if plane < 2 else 200)
        assert columns.max() < 1280


def test_noise_of_plane_one_lies_beyond_the_cathode_in_image_0_and_before_it_in_image_1() -> None:
    made = images(ACROSS)
    assert made.labels is not None
    beyond = [plane.coords[plane.values == SiteLabel.BACKGROUND, 1] >= 640 for plane in made.labels]
    assert beyond[0].mean() > 0.85
    assert beyond[1].mean() < 0.15
    assert 0.2 < beyond[2].mean() < 0.8


def test_the_same_seed_gives_the_same_image() -> None:
    one, other = images(ACROSS), images(ACROSS)
    for left, right in zip(one.values, other.values, strict=True):
        assert np.array_equal(left.ids, right.ids)
        assert np.array_equal(left.values, right.values)


def test_an_event_without_deposits_is_noise_only() -> None:
    step = ((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    nothing = Deposits(*(column[:0] for column in vars(deposits(step)).values()))
    made = images(nothing)
    assert made.labels is not None
    assert all(
        len(plane.ids) > 0 and not label.values.any() for plane, label in zip(made.values, made.labels, strict=True)
    )


def test_the_vertex_cluster_is_three_sites_wide_around_the_projected_vertex() -> None:
    clusters = vertex_clusters(Vertex(np.array([-100.0, 0.0, 250.0]), 0.0), SBND)
    assert [group.lengths.tolist() for group in clusters] == [[9], [9], [9]]
    assert clusters[2].image.coords.mean(axis=0).tolist() == [1024, 320]
    assert [len(group.image.ids) for group in vertex_clusters(Vertex(np.array([0.0, 0.0, 51.2]), 0.0), CUBE)] == [27]
    outside = Vertex(np.array([-300.0, 0.0, 250.0]), 0.0)
    assert [group.lengths.tolist() for group in vertex_clusters(outside, SBND)] == [[0], [0], [0]]
    assert [group.lengths.tolist() for group in vertex_clusters(None, SBND)] == [[0], [0], [0]]


def test_noise_that_does_not_fit_the_planes_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"noise_adc=\[1.5, 1.0\] has 2 values, detector cube has 1 planes; try \[1.0\]"
    ):
        images(ACROSS, CUBE, noise_adc=(1.5, 1.0))
