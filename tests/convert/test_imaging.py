"""Images of hand-made steps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nuweave.config.convert import ResponseConfig
from nuweave.convert.event import Deposits, Images, Vertex
from nuweave.convert.imaging import (
    SiteSums,
    cut_pieces,
    make_images,
    shape_signal,
    shaping_taps,
    site_labels,
    sum_by_site,
    vertex_clusters,
)
from nuweave.convert.response import ionisation_electrons
from nuweave.physics.detectors import Detector, get_detector
from nuweave.physics.truth import SemanticLabel, SiteLabel
from tests.convert.handmade import both, deposits

SHOWER, TRACK, MICHEL, NONE = (SemanticLabel[name] for name in ("SHOWER", "TRACK", "MICHEL", "NONE"))
SBND, CUBE, NOVA = get_detector("sbnd"), get_detector("cube"), get_detector("nova")
QUIET: dict[str, Any] = {
    "noise_adc": (0.0, 0.0, 0.0),
    "threshold_adc": 1e-9,
    "electron_lifetime_ms": 1e9,
    "undershoot": (0.0,),
}
STILL: dict[str, Any] = {"longitudinal_diffusion_cm2_s": 0.0, "transverse_diffusion_cm2_s": 0.0, "shaping_cm": (0.0,)}
ACROSS = deposits(((-100.0, 20.0, 100.0), (-97.0, 90.0, 160.0)))  # 92 cm through many wires of every plane


def images(steps: Deposits, detector: Detector = SBND, **settings: Any) -> Images:
    response = ResponseConfig.model_validate(settings)
    return make_images(steps, None, detector=detector, settings=response, rng=np.random.default_rng(1))


def test_one_step_across_one_wire_fills_one_pixel_of_the_collection_plane() -> None:
    # wire 1024 covers z = 249.85 to 250.15 cm; column 320 lies at x = -100 cm
    made = images(deposits(((-100.0, 0.0, 249.86), (-100.0, 0.0, 250.14))), **QUIET, **STILL)
    assert made.values[2].coords.tolist() == [[1024, 320]]
    assert made.values[2].values == pytest.approx([2.1 * 0.28 * 0.705 / 23.6e-6 / 242.0], rel=3e-3)


@pytest.mark.parametrize("spread", [STILL, {}])
def test_charge_is_conserved_in_every_plane(spread: dict[str, Any]) -> None:
    made = images(ACROSS, **QUIET, **spread)
    electrons = float(ionisation_electrons(ACROSS, ResponseConfig(), SBND.medium).sum())
    for plane in made.values:
        assert float(plane.values.sum()) * 242.0 == pytest.approx(electrons, rel=1e-5)


def test_charge_is_conserved_in_voxels() -> None:
    steps = deposits(((-20.0, -10.0, 30.0), (15.0, 12.0, 80.0)))
    made = images(steps, CUBE, **(QUIET | {"noise_adc": (0.0,)}))
    electrons = float(ionisation_electrons(steps, ResponseConfig(), CUBE.medium).sum())
    assert float(made.values[0].values.sum()) * 242.0 == pytest.approx(electrons, rel=1e-5)


def test_where_nothing_drifts_a_cell_keeps_all_its_charge_at_once() -> None:
    # cell 40 covers x = 0 to 3.9 cm, cell 45 y = 19.5 to 23.4 cm, plane 10 z = 66 to 72.6 cm
    step = deposits(((1.0, 20.0, 67.0), (3.0, 23.0, 72.0)))
    spread = {"electron_lifetime_ms": 1e-6, "transverse_diffusion_cm2_s": 1e6, "shaping_cm": (30.0,)}
    made = images(step, NOVA, **(QUIET | {"noise_adc": (0.0, 0.0)} | spread))
    electrons = float(ionisation_electrons(step, ResponseConfig(), NOVA.medium).sum())
    assert [view.coords.tolist() for view in made.values] == [[[10, 40]], [[10, 45]]]
    for view in made.values:
        assert float(view.values.sum()) * 242.0 == pytest.approx(electrons, rel=1e-5)


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
    made = images(point, **(QUIET | STILL | {"shaping_cm": (0.3125,)})).values[2]
    assert made.coords.tolist() == [[1024, column] for column in range(317, 324)]
    assert made.values / made.values.sum() == pytest.approx([0.006, 0.061, 0.242, 0.383, 0.242, 0.061, 0.006], abs=1e-3)
    assert shaping_taps(0.0).tolist() == [1.0]


def test_each_image_has_its_own_shaping_and_the_last_holds_for_the_rest() -> None:
    point = deposits(((-100.0, 0.0, 250.0), (-100.0, 0.0, 250.0001)))
    made = images(point, **(QUIET | STILL | {"shaping_cm": (0.0, 0.3125)}))
    assert [len(image.ids) for image in made.values] == [1, 7, 7]


def test_an_undershoot_makes_the_peak_sharper_and_what_is_beside_it_negative() -> None:
    plain, sharp = shaping_taps(0.7), shaping_taps(0.7, 0.8)
    assert sharp.sum() == pytest.approx(1)
    assert sharp[len(sharp) // 2] > plain[len(plain) // 2]
    assert sharp[0] < 0 < plain[0]
    assert sharp.tolist() == sharp[::-1].tolist()


def test_labels_follow_energy_not_shaped_charge() -> None:
    point = deposits(((-100.0, 0.0, 249.9), (-100.0, 0.0, 250.1)))
    made = images(point, **(QUIET | STILL | {"shaping_cm": (0.3125,)}))
    assert made.labels is not None
    assert made.labels[2].ids.tolist() == made.values[2].ids.tolist()
    assert made.labels[2].values.tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_a_site_is_what_deposited_most_energy_if_all_together_reach_the_threshold() -> None:
    sums = SiteSums(
        sites_S=np.arange(4),
        electrons_S=np.ones(4),
        mev_S=np.array([0.0, 0.039, 0.04, 5.0]),
        origin_S=np.array([SiteLabel.COSMIC, SiteLabel.COSMIC, SiteLabel.COSMIC, SiteLabel.NEUTRINO], np.int8),
        semantic_S=np.array([SHOWER, TRACK, MICHEL, SHOWER], np.int8),
    )
    origin, semantic = site_labels(sums, np.arange(4), 0.04)
    assert origin.tolist() == [0, 0, 1, 2]
    assert semantic.tolist() == [NONE, NONE, MICHEL, SHOWER]
    origin, semantic = site_labels(sums, np.arange(4), 0.0)  # no energy is no label, whatever the threshold
    assert origin.tolist() == [0, 1, 1, 2]
    assert semantic.tolist() == [NONE, TRACK, MICHEL, SHOWER]


def point(energy_mev: float, *, neutrino: bool, semantic: SemanticLabel) -> Deposits:
    """A deposit in wire 1024 of the collection plane."""
    one = deposits(((-100.0, 0.0, 249.999), (-100.0, 0.0, 250.001)), neutrino=neutrino)
    return replace(one, energy_mev_N=np.array([energy_mev]), semantic_N=np.array([semantic], np.int8))


@pytest.mark.parametrize(
    ("cosmic", "neutrino", "origin", "semantic"),
    [
        (0.5, 0.4, SiteLabel.COSMIC, TRACK),
        (0.4, 0.5, SiteLabel.NEUTRINO, SHOWER),
        (0.03, 0.02, SiteLabel.COSMIC, TRACK),  # neither reaches the threshold of 0.04 MeV, together they do
        (0.02, 0.01, SiteLabel.BACKGROUND, NONE),
    ],
)
def test_the_larger_deposit_of_a_site_gives_both_labels(
    cosmic: float, neutrino: float, origin: SiteLabel, semantic: SemanticLabel
) -> None:
    steps = both(
        point(cosmic, neutrino=False, semantic=TRACK),
        point(neutrino, neutrino=True, semantic=SHOWER),
    )
    made = images(steps, **QUIET, **STILL)
    assert made.labels is not None
    assert made.semantics is not None
    assert made.labels[2].values.tolist() == [origin]
    assert made.semantics[2].values.tolist() == [semantic]


def test_many_small_deposits_of_a_kind_outweigh_a_larger_one_of_another() -> None:
    small = [point(0.3, neutrino=True, semantic=kind) for kind in (TRACK, TRACK, SHOWER)]
    steps = both(point(0.5, neutrino=False, semantic=MICHEL), both(both(small[0], small[1]), small[2]))
    made = images(steps, **QUIET, **STILL)
    assert made.labels is not None
    assert made.semantics is not None
    assert made.labels[2].values.tolist() == [SiteLabel.NEUTRINO]  # 0.9 against 0.5 MeV
    assert made.semantics[2].values.tolist() == [TRACK]  # 0.6 MeV, then 0.5 of the Michel electron


@pytest.mark.parametrize("lacks", ["origin_N", "semantic_N"])
def test_a_label_that_the_source_lacks_is_absent_and_the_other_is_not_changed(lacks: str) -> None:
    without = replace(ACROSS, origin_N=None) if lacks == "origin_N" else replace(ACROSS, semantic_N=None)
    full, made = images(ACROSS), images(without)
    assert (made.labels is None, made.semantics is None) == (lacks == "origin_N", lacks == "semantic_N")
    for kept, known in ((made.labels, full.labels), (made.semantics, full.semantics)):
        assert known is not None
        for one, other in zip(kept or known, known, strict=True):
            assert np.array_equal(one.values, other.values)


@pytest.mark.parametrize("detector", [SBND, CUBE, NOVA], ids=["sbnd", "cube", "nova"])
def test_energy_is_conserved_from_deposits_to_sites(detector: Detector) -> None:
    rng = np.random.default_rng(3)
    low, high = detector.bounds_cm.T
    starts = low + (high - low) * rng.uniform(0.6, 0.8, (500, 3))  # far from walls, and from SBND's cathode
    steps = deposits(*zip(starts, starts + rng.normal(0, 1.0, (500, 3)), strict=True))
    pieces = cut_pieces(steps, detector, ResponseConfig())
    assert pieces.mev_M.sum() == pytest.approx(steps.energy_mev_N.sum(), rel=1e-12)
    for projection in range(detector.num_projections):
        sums = sum_by_site(pieces, projection, detector)
        shaped = shape_signal(sums, projection, detector, ResponseConfig())
        assert shaped.mev_S.sum() == pytest.approx(steps.energy_mev_N.sum(), rel=1e-5)
        assert shaped.electrons_S.sum() == pytest.approx(pieces.electrons_M.sum(), rel=1e-5)


@pytest.mark.parametrize("detector", [SBND, CUBE, NOVA], ids=["sbnd", "cube", "nova"])
def test_sites_are_those_of_a_sum_over_every_node_of_every_piece(detector: Detector) -> None:
    """By brute force: three nodes along each axis, weights 1/6, 2/3, 1/6, into a dense image."""
    pieces = cut_pieces(deposits(((-30.0, -10.0, 30.0), (-25.0, 12.0, 60.0))), detector, ResponseConfig())
    dense = np.zeros(detector.shapes[0])
    for coord, sigma, electrons in zip(pieces.coords_MD[0], pieces.sigma_MD, pieces.electrons_M, strict=True):
        for nodes in itertools.product(
            zip((-(3**0.5), 0.0, 3**0.5), (1 / 6, 2 / 3, 1 / 6), strict=True), repeat=detector.ndim
        ):
            place = tuple(round(float(c + s * node[0])) for c, s, node in zip(coord, sigma, nodes, strict=True))
            dense[place] += electrons * np.prod([weight for _, weight in nodes])
    sums = sum_by_site(pieces, 0, detector)
    assert np.sort(sums.sites_S).tolist() == np.flatnonzero(dense).tolist()
    assert sums.electrons_S == pytest.approx(dense.flat[sums.sites_S], rel=1e-12)


def test_nothing_is_stored_below_the_threshold_and_noise_is_background() -> None:
    made = images(ACROSS)
    assert made.labels is not None
    for plane, (value, label) in enumerate(zip(made.values, made.labels, strict=True)):
        assert value.values.min() >= 5.0
        assert np.all(np.diff(value.ids) > 0)
        assert np.array_equal(value.ids, label.ids)
        assert made.semantics is not None
        assert np.array_equal(value.ids, made.semantics[plane].ids)
        assert np.array_equal(label.values == SiteLabel.BACKGROUND, made.semantics[plane].values == NONE)
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
