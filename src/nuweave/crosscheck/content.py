"""What our reader finds in a file, as flat columns: the layout in which program.py tells what larcv finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.store import PARTICLE, Clusters, ShardReader, SparseImage
from nuweave.store.schema import product_kind, product_ndim

Content = dict[str, NDArray[Any]]

# Kind of product -> its levels below the event: the column that counts their rows, and the columns of these rows.
IMAGE = ("projection", "shape", "size", "origin")
VOXEL = ("id", "value")
LEVELS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "sparse": (("num_images", IMAGE), ("num_voxels", VOXEL)),
    "cluster": (("num_images", IMAGE), ("num_clusters", ("number",)), ("num_voxels", VOXEL)),
    "particle": (("num_particles", tuple(PARTICLE.names or ())),),
}


def products_of(content: Content) -> set[str]:
    """Names of the products of which a content has columns."""
    return {column.split("/")[0] for column in content if "/" in column}


def left_out(reader: ShardReader) -> tuple[str, ...]:
    """Products of kinds that are not compared."""
    return tuple(product for product in reader.products if product_kind(product) not in LEVELS)


def read_content(reader: ShardReader) -> Content:
    """All events of a file, in memory.

    Returns:
        column -> rows of all events: event_id, and PRODUCT/COLUMN as in LEVELS.
    Raises:
        StoreError: a row cannot be read.
    """
    columns: defaultdict[str, list[NDArray[Any]]] = defaultdict(list, event_id=[np.zeros((0, 3), np.int64)])
    for event in range(len(reader)):
        columns["event_id"].append(np.array([reader.event_id(event)], np.int64))
        for product in reader.products:
            for column, rows in _product_rows(reader, product, event).items():
                columns[f"{product}/{column}"].append(rows)
    return {column: np.concatenate(rows) for column, rows in columns.items()}


def _product_rows(reader: ShardReader, product: str, event: int) -> Content:
    """The columns of one product of one event; none of a kind that is not compared."""
    match product_kind(product):
        case "sparse":
            images = reader.sparse(product, event)
            lengths = np.array([len(image.ids) for image in images], np.int64)
            return {**_image_rows(images, product_ndim(product)), "num_voxels": lengths, **_voxel_rows(images)}
        case "cluster":
            return _cluster_rows(reader.clusters(product, event), product_ndim(product))
        case "particle":
            return _particle_rows(reader.particles(product, event))
    return {}


def _image_rows(images: Sequence[SparseImage], ndim: int) -> Content:
    return {
        "num_images": np.array([len(images)], np.int64),
        "projection": np.array([image.projection for image in images], np.int64),
        "shape": np.array([image.shape for image in images], np.int64).reshape(-1, ndim),
        "size": np.array([image.size for image in images], np.float64).reshape(-1, ndim),
        "origin": np.array([image.origin for image in images], np.float64).reshape(-1, ndim),
    }


def _voxel_rows(images: Sequence[SparseImage]) -> Content:
    return {
        "id": np.concatenate([np.zeros(0, np.int64), *(image.ids for image in images)]),
        "value": np.concatenate([np.zeros(0, np.float32), *(image.values for image in images)]),
    }


def _cluster_rows(groups: Sequence[Clusters], ndim: int) -> Content:
    images = [group.image for group in groups]
    return {
        **_image_rows(images, ndim),
        "num_clusters": np.array([len(group.lengths) for group in groups], np.int64),
        "number": np.concatenate([np.zeros(0, np.int64), *(group.numbers for group in groups)]),
        "num_voxels": np.concatenate([np.zeros(0, np.int64), *(group.lengths for group in groups)]),
        **_voxel_rows(images),
    }


def _particle_rows(rows: NDArray[Any]) -> Content:
    """Every field; a vertex as x, y, z, t, the name of a process up to its first zero byte."""
    columns: Content = {"num_particles": np.array([len(rows)], np.int64)}
    for field in PARTICLE.names or ():
        column = np.ascontiguousarray(rows[field])
        columns[field] = column.view(np.float64).reshape(-1, 4) if column.dtype.names else column
    columns["process"] = np.array([name.split(b"\0")[0] for name in columns["process"].tolist()], "S64")
    return columns
