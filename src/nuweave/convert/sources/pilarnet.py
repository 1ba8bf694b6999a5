"""PILArNet and PILArNet-M: voxels of simulated particles in liquid argon, with a semantic type for each cluster.

Source: the data set's description (arXiv:2006.01993, arXiv:2502.02558); no real file was at hand. Its vertices stand in
a frame that is stated nowhere, in other numbers than the voxels: they are not read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Event, Images, Provides
from nuweave.convert.sources.sites import dominant_label, number_sites, sum_image
from nuweave.convert.sources.source import has_parts, open_parts, reading, require_no_volume
from nuweave.physics.truth import SemanticLabel

SHAPE = (768, 768, 768)
PARTS = ("point", "cluster")
POINT_COLUMNS = 8
VALUE, SEMANTIC = 3, 4  # columns of points (after x, y, z) and of clusters
CLUSTER_COLUMNS = (5, 6)  # the second version adds the kind of particle
NUM_SEMANTICS = int(SemanticLabel.NONE)


class Pilarnet:
    """Voxel images of particles without a neutrino; the label of a voxel is that of most of its value."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        require_no_volume(path, volume)
        self._path = path
        with open_parts(path, PARTS) as self._file:
            self._points, self._clusters = (self._file[name] for name in PARTS)
        self.provides = Provides(site_labels=False, semantics=True, vertex=False, particles=False, mode=False)
        self.generator: str | None = None
        self.generator_seed: str | None = None

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has points and clusters."""
        return has_parts(path, PARTS)

    def __len__(self) -> int:
        return len(self._points)

    def event(self, entry: int) -> Event:
        """The voxels at a position of the file, which is also the event's number."""
        with reading(self._path, f"entry {entry}"):
            content = read_voxels(self._points[entry], self._clusters[entry])
        return Event(entry, content, None, None, None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_voxels(points: NDArray[Any], clusters: NDArray[Any]) -> Images:
    """One image of voxels and their semantic labels.

    Args:
        points: rows of 8 numbers, one after another, in the order of the clusters.
        clusters: rows of 5 or 6 numbers, one after another; the first is how many points it has.
    Raises:
        ValueError: rows do not fit these, a voxel lies outside, or a semantic type is unknown.
    """
    point_N8 = points.reshape(-1, POINT_COLUMNS).astype(np.float64)
    rows = split_clusters(clusters, num_points=len(point_N8))
    semantic_N = np.repeat(rows[:, SEMANTIC], rows[:, 0])
    unknown = np.setdiff1d(semantic_N, np.arange(NUM_SEMANTICS))
    if len(unknown):
        raise ValueError(f"semantic type {unknown[0]} is none of 0 to {NUM_SEMANTICS - 1}")
    ids, of_N = number_sites(point_N8[:, :3].astype(np.int64), SHAPE)
    value_N = point_N8[:, VALUE]
    label = dominant_label(of_N, value_N, semantic_N, num_sites=len(ids), none=SemanticLabel.NONE)
    image = sum_image(ids, of_N, value_N, SHAPE, 0)
    return Images([image], None, [replace(image, values=label)], None)


def split_clusters(clusters: NDArray[Any], *, num_points: int) -> NDArray[np.int64]:
    """The rows of clusters; how many columns they have shows where their points add up to all that there are.

    Raises:
        ValueError: that is so for no known number of columns.
    """
    for num_columns in CLUSTER_COLUMNS:
        if len(clusters) % num_columns == 0:
            rows = clusters.reshape(-1, num_columns).astype(np.int64)
            if rows[:, 0].sum() == num_points and np.all(rows[:, 0] >= 0):
                return rows
    raise ValueError(f"clusters of 5 or 6 columns do not add up to {num_points} points")
