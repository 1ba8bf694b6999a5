"""Found vertices beside the true ones, plane by plane and in space.

Shapes: E events, S samples of events, P planes, D axes of an image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.evaluate.estimate import weighted_sum
from nuweave.evaluate.geometry import Geometry
from nuweave.tasks.ratios import Floats, nan_mean, ratio
from nuweave.tasks.vertex_metrics import DESCRIPTIONS as PLACE_DESCRIPTIONS
from nuweave.tasks.vertex_metrics import distance_of, place_metrics, place_sums, score_metrics, score_sums

WITHIN_CM = 5.0
QUANTILES = {"median_cm": 0.5, "quantile68_cm": 0.68}
DESCRIPTIONS = PLACE_DESCRIPTIONS | {
    "median_cm": "half of the vertices are found closer than this; smaller is better",
    "quantile68_cm": "68 % of the vertices are found closer than this; smaller is better",
    "within_5cm": "share of the vertices that are found within 5 cm",
}
SMALLER_IS_BETTER = ("distance_sites", "score_without_vertex", *QUANTILES)
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Vertices:
    """The found and the true vertices of events.

    Attributes:
        found_EPD: sites, in every image.
        score_EP: of the best box, 0 to 1.
        true_EPD: sites; nan where an image has no vertex, everywhere without truth.
        found_cm_E3: the place that fits the planes together best.
        true_cm_E3: nan where an event has no place, or not one in the image of every plane.
        site_cm_D: extent of a site.
    """

    found_EPD: Floats
    score_EP: Floats
    true_EPD: Floats
    found_cm_E3: Floats
    true_cm_E3: Floats
    site_cm_D: Floats

    @property
    def distance_cm_EP(self) -> Floats:
        """In the image of each plane; nan where it has no vertex."""
        return distance_of(self.found_EPD * self.site_cm_D, self.true_EPD * self.site_cm_D)

    @property
    def distance_cm_E(self) -> Floats:
        """In space; nan without a true place."""
        return distance_of(self.found_cm_E3, self.true_cm_E3)


def read_vertices(predictions: pd.DataFrame, geometry: Geometry) -> Vertices:
    """The vertices of a table of predictions, joined with the catalogue.

    Without a vertex in the images, the true places are projected into them.
    """
    planes = range(len(geometry.shapes))
    place_cm_E3 = predictions[[f"vertex_{axis}_cm" for axis in AXES]].to_numpy(np.float64)
    found_EPD = _sites(predictions, "vertex", geometry)
    if "plane0_vertex_true_axis0" in predictions:
        true_EPD = _sites(predictions, "vertex_true", geometry)
    else:
        true_EPD = geometry.project(place_cm_E3)
    in_view_E: NDArray[np.bool_] = np.all(np.isfinite(true_EPD), axis=(1, 2))
    return Vertices(
        found_EPD=found_EPD,
        score_EP=predictions[[f"plane{plane}_vertex_score" for plane in planes]].to_numpy(np.float64),
        true_EPD=true_EPD,
        found_cm_E3=geometry.locate(found_EPD),
        true_cm_E3=np.where(in_view_E[:, None], place_cm_E3, np.nan),
        site_cm_D=geometry.site_cm,
    )


def vertex_columns(vertices: Vertices) -> dict[str, Floats]:
    """float64[E] each: vertex_found_{x,y,z}_cm, vertex_distance_cm, and for each plane the distance and the true site.

    The latter two are plane{p}_vertex_distance_cm and plane{p}_vertex_true_axis{d}.
    """
    columns = {f"vertex_found_{axis}_cm": vertices.found_cm_E3[:, i] for i, axis in enumerate(AXES)}
    columns["vertex_distance_cm"] = vertices.distance_cm_E
    for plane, distance_E in enumerate(vertices.distance_cm_EP.T):
        columns[f"plane{plane}_vertex_distance_cm"] = distance_E
        columns |= {f"plane{plane}_vertex_true_axis{d}": one for d, one in enumerate(vertices.true_EPD[:, plane].T)}
    return columns


def event_score(vertices: Vertices) -> Floats:
    """float64[E], minus the mean distance over planes in cm: what ranks best and worst."""
    return -nan_mean(vertices.distance_cm_EP, axis=1)


def plane_metrics(vertices: Vertices, weights_SE: Floats, stride: int) -> dict[str, Floats]:
    """The metrics of the places in every plane and every sample, float64[S, P] each."""
    sums = place_sums(vertices.found_EPD, vertices.true_EPD, stride)
    places = place_metrics({name: weighted_sum(weights_SE, table) for name, table in sums.items()})
    return places | distance_metrics(vertices.distance_cm_EP, weights_SE)


def certainty(vertices: Vertices, weights_SE: Floats) -> dict[str, Floats]:
    """How sure the network is of images with and without a vertex, float64[S, P] each."""
    sums = score_sums(vertices.score_EP, vertices.true_EPD)
    return score_metrics({name: weighted_sum(weights_SE, table) for name, table in sums.items()})


def space_metrics(vertices: Vertices, weights_SE: Floats) -> dict[str, Floats]:
    """The metrics of the places that all planes give together, under combined/, float64[S] each."""
    metrics = distance_metrics(vertices.distance_cm_E[:, None], weights_SE)
    return {f"combined/{name}": values[:, 0] for name, values in metrics.items()}


def distance_metrics(distance_cm_EP: Floats, weights_SE: Floats) -> dict[str, Floats]:
    """Quantiles and the share within WITHIN_CM of each column, float64[S, P]; nan distances do not count."""
    near = weighted_sum(weights_SE, distance_cm_EP <= WITHIN_CM)
    metrics = {
        name: np.stack([weighted_quantile(one_E, weights_SE, share) for one_E in distance_cm_EP.T], axis=1)
        for name, share in QUANTILES.items()
    }
    return metrics | {"within_5cm": ratio(near, weighted_sum(weights_SE, np.isfinite(distance_cm_EP)))}


def weighted_quantile(values_E: Floats, weights_SE: Floats, share: float) -> Floats:
    """float64[S], the least value that a share of the events do not exceed; nan where no event has one."""
    order = np.argsort(values_E, kind="stable")[: int(np.isfinite(values_E).sum())]  # nan comes last
    if len(order) == 0:
        return np.full(len(weights_SE), np.nan)
    below_SE = np.cumsum(weights_SE[:, order], axis=1)
    first_S = (below_SE < share * below_SE[:, -1:]).sum(axis=1)
    return np.where(below_SE[:, -1] > 0, values_E[order][first_S], np.nan)


def always_mean(vertices: Vertices) -> Vertices:
    """What is found by giving the mean true place for every event, in each plane and in space."""
    return replace(
        vertices,
        found_EPD=np.broadcast_to(nan_mean(vertices.true_EPD, axis=0), vertices.found_EPD.shape),
        found_cm_E3=np.broadcast_to(nan_mean(vertices.true_cm_E3, axis=0), vertices.found_cm_E3.shape),
    )


def brightest_site(vertices: Vertices, brightest_EP: NDArray[np.int64], geometry: Geometry) -> Vertices:
    """What is found by giving the site with the largest value in each plane; where none is stored, the middle."""
    shape = geometry.shapes[0]
    coords_EPD = np.stack(np.unravel_index(np.maximum(brightest_EP, 0), shape), axis=-1)
    found_EPD = np.where(brightest_EP[..., None] >= 0, coords_EPD, (np.array(shape) - 1) / 2)
    return replace(vertices, found_EPD=found_EPD, found_cm_E3=geometry.locate(found_EPD))


BASELINES = {
    "mean_place": "the mean true place of the test part itself for every event, so this baseline is optimistic",
    "brightest_site": "the stored site with the largest value in each plane, the middle of the image where none is",
}


def _sites(predictions: pd.DataFrame, kind: str, geometry: Geometry) -> Floats:
    """float64[E, P, D] from the columns plane{p}_{kind}_axis{d}."""
    num_planes, ndim = len(geometry.shapes), len(geometry.site_cm)
    names = [f"plane{plane}_{kind}_axis{axis}" for plane in range(num_planes) for axis in range(ndim)]
    return predictions[names].to_numpy(np.float64).reshape(len(predictions), num_planes, ndim)
