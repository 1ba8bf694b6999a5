"""Distances and their quantiles, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nuweave.evaluate import vertex
from nuweave.evaluate.baselines import SiteSums
from nuweave.evaluate.estimate import event_weights
from nuweave.evaluate.geometry import Geometry
from nuweave.evaluate.summary import vertex_summary
from nuweave.evaluate.vertex import read_vertices, vertex_columns, weighted_quantile
from tests.evaluate.conftest import Views

GEOMETRY = Geometry(Views(), 1)
PLACES = [(6.0, 4.0, 8.0), (10.0, 12.0, 20.0), (math.nan,) * 3]  # cm; the third event has no neutrino


def table(*, off_sites: float = 0.0, with_truth: bool = True) -> pd.DataFrame:
    """Three events; what is found is off along the second axis of plane 0 in the first event, and right elsewhere."""
    place_cm = np.array(PLACES)
    true_EPD = GEOMETRY.project(place_cm)
    found_EPD = np.nan_to_num(true_EPD, nan=3.0)
    found_EPD[0, 0, 1] += off_sites
    columns: dict[str, Any] = {f"vertex_{axis}_cm": place_cm[:, i] for i, axis in enumerate("xyz")}
    for plane in range(3):
        columns[f"plane{plane}_vertex_score"] = [0.9, 0.8, 0.1]
        for axis in (0, 1):
            columns[f"plane{plane}_vertex_axis{axis}"] = found_EPD[:, plane, axis]
            if with_truth:
                columns[f"plane{plane}_vertex_true_axis{axis}"] = true_EPD[:, plane, axis]
    return pd.DataFrame(columns)


def summary(predictions: pd.DataFrame, brightest: int = -1) -> dict[str, Any]:
    num = len(predictions)
    sums = SiteSums(
        value_EPTV=np.zeros((num, 3, 3, 1), np.int32),
        score_ENK=np.zeros((num, 2, 1), np.int32),
        num_sites_E=np.zeros(num, np.int64),
        sum_value_E=np.zeros(num),
        brightest_EP=np.full((num, 3), brightest),
    )
    vertices = read_vertices(predictions, GEOMETRY)
    return vertex_summary(vertices, sums, event_weights(num, 5, 1), geometry=GEOMETRY, stride=8)


def test_distances_are_in_cm_in_each_plane_and_in_space() -> None:
    """Three sites of 1 cm in plane 0; x is the mean of two views, so that the place is off by half of that."""
    vertices = read_vertices(table(off_sites=3.0), GEOMETRY)
    assert vertices.distance_cm_EP[:2].tolist() == [[3, 0, 0], [0, 0, 0]]
    assert np.isnan(vertices.distance_cm_EP[2]).all()
    assert vertices.found_cm_E3[0].tolist() == [7.5, 4, 8]
    assert vertices.distance_cm_E[:2].tolist() == [1.5, 0]
    assert vertex.event_score(vertices)[:2].tolist() == [-1, 0]
    columns = vertex_columns(vertices)
    assert columns["plane0_vertex_distance_cm"].tolist() == pytest.approx([3, 0, math.nan], nan_ok=True)
    assert columns["vertex_found_x_cm"][0] == 7.5


def test_without_vertices_in_the_images_the_true_places_are_projected() -> None:
    with_truth, without = (read_vertices(table(off_sites=3.0, with_truth=one), GEOMETRY) for one in (True, False))
    np.testing.assert_array_equal(with_truth.true_EPD, without.true_EPD)


def test_a_vertex_that_one_plane_does_not_see_has_no_distance_in_space() -> None:
    predictions = table()
    predictions.loc[0, ["plane1_vertex_true_axis0", "plane1_vertex_true_axis1"]] = math.nan
    assert np.isnan(read_vertices(predictions, GEOMETRY).distance_cm_E).tolist() == [True, False, True]


@pytest.mark.parametrize("share", [0.5, 0.68])
def test_quantiles_of_samples_are_those_of_the_repeated_events(share: float) -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.uniform(size=30), event_weights(30, 20, 1)
    values[[4, 9]] = math.nan
    for sample, found in zip(weights, weighted_quantile(values, weights, share), strict=True):
        drawn = np.repeat(values, sample.astype(int))
        assert found == np.quantile(drawn[np.isfinite(drawn)], share, method="inverted_cdf")
    assert np.isnan(weighted_quantile(np.full(30, math.nan), weights, share)).all()


def test_metrics_stand_beside_baselines() -> None:
    """The mean place is half of (4, 8, 12) cm off; all else is right but plane 0 of the first event, by 6 cm."""
    found = summary(table(off_sites=6.0))
    metrics = found["metrics"]
    assert metrics["plane0/within_5cm"]["value"] == 0.5
    assert metrics["within_5cm"]["value"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert metrics["combined/quantile68_cm"]["value"] == 3
    assert metrics["plane0/score_with_vertex"]["value"] == pytest.approx(0.85)
    assert metrics["plane0/score_without_vertex"]["value"] == pytest.approx(0.1)
    mean_place = metrics["combined/median_cm"]["baselines"]["mean_place"]["value"]
    assert mean_place == pytest.approx(math.sqrt(2**2 + 4**2 + 6**2))
    assert metrics["combined/median_cm"]["margin"] > 0
    assert not metrics["combined/median_cm"]["larger_is_better"]
    assert set(metrics["box_accuracy"]["baselines"]) == {"mean_place", "brightest_site"}
    assert found["primary"] == ["box_accuracy"]


def test_the_brightest_site_is_a_baseline_and_the_middle_where_there_is_none() -> None:
    site = int(np.ravel_multi_index((4, 6), (32, 24)))  # (z, x) of the first event
    metrics = summary(table(), brightest=site)["metrics"]
    assert metrics["plane0/distance_sites"]["baselines"]["brightest_site"]["value"] == pytest.approx(
        (0 + math.hypot(10 - 4, 10 - 6)) / 2
    )
    metrics = summary(table(), brightest=-1)["metrics"]
    assert metrics["plane0/distance_sites"]["baselines"]["brightest_site"]["value"] == pytest.approx(
        (math.hypot(15.5 - 4, 11.5 - 6) + math.hypot(15.5 - 10, 11.5 - 10)) / 2
    )


def test_events_without_any_vertex_have_no_metrics_but_a_reason() -> None:
    found = summary(table().iloc[[2, 2]].reset_index(drop=True))
    assert found["metrics"] == {}
    assert found["beats_baselines"] is None
    assert "no vertex in any image" in found["not_available"]["box_accuracy"]
