"""Write larcv3 files, event by event, with bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store.files import write_aside
from nuweave.store.growing import GrowingTable
from nuweave.store.schema import (
    EVENT_ID,
    EXTENTS,
    ID_EXTENTS,
    PARTICLE,
    VOXEL,
    Clusters,
    EventId,
    SparseImage,
    image_meta,
    product_ndim,
)

CHUNK_ROWS = 1024
CHUNK_VOXELS = 16384


class ShardWriter:
    """A larcv3 file under construction. Use as a context manager: the final name appears only on success.

    Args:
        path: the file to make.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_events = 0
        self._columns: dict[str, dict[str, GrowingTable]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            aside = stack.enter_context(write_aside(self.path))
            # larcv reads files of HDF5 1.10 and older only
            self._file = stack.enter_context(h5py.File(aside, "w", libver=("earliest", "v110")))
            stack.push(self._flush)
            self._stack = stack.pop_all()
        self._events = GrowingTable(self._file.create_group("Events"), "event_id", EVENT_ID, chunk=CHUNK_ROWS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _flush(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: object) -> None:
        """Write what waits, unless the block has failed."""
        if kind is not None:
            return
        for column in [self._events, *(c for columns in self._columns.values() for c in columns.values())]:
            column.flush()

    def append(
        self,
        event_id: EventId,
        *,
        sparse: Mapping[str, Sequence[SparseImage]] | None = None,
        clusters: Mapping[str, Sequence[Clusters]] | None = None,
        particles: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Add one event. Every event must bring the same products; a projection may be empty.

        Args:
            event_id: its key.
            sparse: product ("sparse2d_image") -> its projections.
            clusters: product ("cluster2d_vertex") -> its projections.
            particles: product ("particle_truth") -> rows of PARTICLE.
        Raises:
            ValueError: the products differ from those of the events before, or ids do not ascend or leave the image.
        """
        sparse, clusters, particles = sparse or {}, clusters or {}, particles or {}
        products = [*sparse, *clusters, *particles]
        if self.num_events and set(products) != set(self._columns):
            raise ValueError(
                f"{self.path}: event {event_id} has products {sorted(products)}, the first had {sorted(self._columns)}"
            )
        self._events.append(np.array([tuple(event_id)], EVENT_ID))
        for name, images in sparse.items():
            self._append_sparse(name, images)
        for name, groups in clusters.items():
            self._append_clusters(name, groups)
        for name, rows in particles.items():
            columns = self._product(name, {"extents": EXTENTS, "particles": PARTICLE})
            _append_extent(columns["extents"], columns["particles"].rows, len(rows))
            columns["particles"].append(rows.astype(PARTICLE, copy=False))
        self.num_events += 1

    def _product(self, name: str, dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, GrowingTable]:
        if name not in self._columns:
            group = self._file.create_group(f"Data/{name}_group")
            self._columns[name] = {
                column: GrowingTable(group, column, dtype, chunk=CHUNK_VOXELS if column == "voxels" else CHUNK_ROWS)
                for column, dtype in dtypes.items()
            }
        return self._columns[name]

    def _append_sparse(self, name: str, images: Sequence[SparseImage]) -> None:
        dtypes = {
            "extents": EXTENTS,
            "voxel_extents": ID_EXTENTS,
            "image_meta": image_meta(product_ndim(name)),
            "voxels": VOXEL,
        }
        columns = self._product(name, dtypes)
        _append_extent(columns["extents"], columns["voxel_extents"].rows, len(images))
        for image in images:
            _require_ascending(name, image)
            columns["voxel_extents"].append(_id_extent(columns["voxels"].rows, len(image.ids), image.projection))
            columns["image_meta"].append(_meta(image))
            columns["voxels"].append(_voxels(image))

    def _append_clusters(self, name: str, groups: Sequence[Clusters]) -> None:
        dtypes = {
            "extents": EXTENTS,
            "projection_extents": ID_EXTENTS,
            "image_meta": image_meta(product_ndim(name)),
            "cluster_extents": ID_EXTENTS,
            "voxels": VOXEL,
        }
        columns = self._product(name, dtypes)
        _append_extent(columns["extents"], columns["projection_extents"].rows, len(groups))
        for group in groups:
            image, num = group.image, len(group.lengths)
            columns["projection_extents"].append(_id_extent(columns["cluster_extents"].rows, num, image.projection))
            columns["image_meta"].append(_meta(image))
            rows = np.zeros(num, ID_EXTENTS)
            rows["N"], rows["ID"] = group.lengths, group.numbers
            rows["first"] = columns["voxels"].rows + np.cumsum(group.lengths) - group.lengths
            columns["cluster_extents"].append(rows)
            columns["voxels"].append(_voxels(image))


def _append_extent(column: GrowingTable, first: int, num: int) -> None:
    row = np.zeros(1, EXTENTS)
    row["first"], row["N"] = first, num
    column.append(row)


def _id_extent(first: int, num: int, number: int) -> NDArray[Any]:
    row = np.zeros(1, ID_EXTENTS)
    row["first"], row["N"], row["ID"] = first, num, number
    return row


def _meta(image: SparseImage) -> NDArray[Any]:
    row = np.zeros(1, image_meta(len(image.shape)))
    row["valid"], row["projection_id"], row["number_of_voxels"] = 1, image.projection, image.shape
    row["image_sizes"] = image.shape if image.size is None else image.size
    row["origin"] = 0.0 if image.origin is None else image.origin
    return row


def _voxels(image: SparseImage) -> NDArray[Any]:
    rows = np.zeros(len(image.ids), VOXEL)
    rows["id"], rows["value"] = image.ids, image.values
    return rows


def _require_ascending(name: str, image: SparseImage) -> None:
    ids = image.ids
    if len(ids) and (ids[0] < 0 or ids[-1] >= np.prod(image.shape) or np.any(np.diff(ids) <= 0)):
        raise ValueError(
            f"{name}: site ids of projection {image.projection} must ascend and stay below {np.prod(image.shape)}"
        )
