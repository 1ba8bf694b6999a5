"""What the images of an event look like, in a few figures: sites, values, charge, clusters. Pure functions.

Shape letters: N sites of an image, D axes of an image, E pairs of neighbouring sites.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nuweave.convert.event import Images
from nuweave.physics.truth import SiteLabel
from nuweave.store import SparseImage

QUANTILES = {"value_05": 0.05, "value_50": 0.50, "value_95": 0.95}
CLUSTER_SITES = 100  # a cluster counts if it has more
ALL, LABELLED = "all", "labelled"  # beside the names of SiteLabel: every site; those that are not background
KEYS = ("figure", "plane", "label")

Key = tuple[str, int, str]


def figure_table(events: Iterable[Images]) -> pd.DataFrame:
    """The figures of every event of a sample.

    Args:
        events: images of each event.
    Returns:
        a row an event; columns are (figure, plane, label) as `event_figures` gives them; NaN where an event has no site
        to take a figure from, or has no image.
    """
    rows = [event_figures(images.values, images.labels) for images in events]
    keys = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    content = [[row.get(key, math.nan) for key in keys] for row in rows]
    return pd.DataFrame(content, columns=pd.MultiIndex.from_tuples(keys, names=KEYS), dtype=np.float64)


def event_figures(values: Sequence[SparseImage], labels: Sequence[SparseImage] | None) -> dict[Key, float]:
    """The figures of one event, by figure, plane and label.

    Args:
        values: an image a plane.
        labels: the same sites with their SiteLabel; None where they are not known.
    Returns:
        `sites` and `charge` (their number and the sum of their values), `value_05`, `value_50` and `value_95`
        (quantiles of their values; NaN where there is none) of "all" sites of a plane and, where labels are known, of
        those that are "background", "cosmic" and "neutrino"; `clusters` (see `num_clusters`) of "all", "labelled",
        "cosmic" and "neutrino" sites.
    """
    figures: dict[Key, float] = {}
    for number, image in enumerate(values):
        pairs_2E = neighbours(image.ids, image.shape)
        for label, chosen_N in site_groups(image, None if labels is None else labels[number]):
            if label != LABELLED:
                figures |= {(name, number, label): value for name, value in _of_values(image.values[chosen_N])}
            if label != SiteLabel.BACKGROUND.name.lower():
                figures["clusters", number, label] = num_clusters(pairs_2E, chosen_N)
    return figures


def site_groups(image: SparseImage, label: SparseImage | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Groups of the sites of an image by name, bool[N] each: all, and where labels are known, labelled and each label.

    Args:
        image: the sites.
        label: the same sites with their SiteLabel.
    """
    yield ALL, np.ones(len(image.ids), bool)
    if label is not None:
        yield LABELLED, label.values != SiteLabel.BACKGROUND
        for one in SiteLabel:
            yield one.name.lower(), label.values == one


def neighbours(ids_N: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Pairs of sites that touch each other, if only at a corner.

    Args:
        ids_N: int64[N], ascending.
        shape: of the image.
    Returns:
        int64[2, E], positions in ids_N, each pair once.
    """
    coords = np.unravel_index(ids_N, shape)
    found = [np.zeros((2, 0), np.int64)]
    for offset in itertools.product((-1, 0, 1), repeat=len(shape)):
        away = sum(step * math.prod(shape[axis + 1 :]) for axis, step in enumerate(offset))
        if away <= 0:
            continue  # itself, or the other half of the pairs
        moved = [at + step for at, step in zip(coords, offset, strict=True)]
        inside = [(at >= 0) & (at < num) for at, num in zip(moved, shape, strict=True)]
        from_N = np.flatnonzero(np.logical_and.reduce(inside))
        wanted = ids_N[from_N] + away
        to = np.searchsorted(ids_N, wanted)
        is_site = np.append(ids_N, -1)[to] == wanted
        found.append(np.stack([from_N[is_site], to[is_site]]))
    return np.concatenate(found, axis=1)


def num_clusters(pairs_2E: NDArray[np.int64], chosen_N: NDArray[np.bool_]) -> int:
    """How many groups of more than CLUSTER_SITES chosen sites hang together.

    Args:
        pairs_2E: int64[2, E], sites that touch.
        chosen_N: bool[N], the sites that take part.
    """
    from_E, to_E = pairs_2E[:, chosen_N[pairs_2E].all(axis=0)]
    num = len(chosen_N)
    graph = coo_array((np.ones(len(from_E), np.int8), (from_E, to_E)), shape=(num, num))
    _, group_N = connected_components(graph, directed=False)
    return int(np.sum(np.bincount(group_N) > CLUSTER_SITES))


def _of_values(values: NDArray[np.float32]) -> Iterator[tuple[str, float]]:
    """The figures of a group of sites that follow from their values."""
    yield "sites", float(len(values))
    yield "charge", float(values.sum(dtype=np.float64))
    quantiles = np.quantile(values, list(QUANTILES.values())) if len(values) else np.full(len(QUANTILES), np.nan)
    yield from zip(QUANTILES, map(float, quantiles), strict=True)
