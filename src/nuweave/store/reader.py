"""Read larcv3 files: the index whole, the rows of an event by positioned reads."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nuweave.store.cache import open_index
from nuweave.store.columns import Column, ColumnError, open_column
from nuweave.store.files import DamagedEventError, Fault, StoreError, file_state
from nuweave.store.index import ProductIndex
from nuweave.store.schema import Clusters, EventId, SparseImage
from nuweave.store.sums import Verifier, read_sums


class ShardReader:
    """A larcv3 file, open for reading by any number of threads. Its tables are read and checked on opening.

    Args:
        path: the file.
        verify: compare each block with its checksum when it is first read, where the file has checksums.
    Raises:
        StoreError: missing, empty, truncated, not HDF5, not larcv3, or tables that contradict each other.
    """

    def __init__(self, path: Path, *, verify: bool = True) -> None:
        self.path = path
        self.index = open_index(path)
        self.event_ids: NDArray[Any] = self.index.event_ids
        self.products: tuple[str, ...] = tuple(self.index.products)
        self._descriptor = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._descriptor)
        self._columns: dict[str, Column] = {}
        self.require_unchanged()
        sums = read_sums(self.index) if verify else None
        self._verifier = (
            None if sums is None else Verifier(self.index, sums, lambda name, *rows: self._column(name).read(*rows))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, its maps included once nobody looks at their rows."""
        self._columns.clear()
        self._close()

    def __len__(self) -> int:
        return len(self.event_ids)

    def event_id(self, event: int) -> EventId:
        """The stored key of an event; larcv writes (-1, -1, -1) when none was set."""
        return EventId(*(int(part) for part in self.event_ids[event]))

    def num_voxels(self, product: str) -> NDArray[np.int64]:
        """int64[events], stored voxels of each event, all projections together."""
        return np.diff(self.product(product).event_rows)

    def geometry(self, product: str) -> tuple[tuple[int, ...], int]:
        """Sites along each axis and projections an event, the same for every event that has any.

        Raises:
            StoreError: the product is missing or empty, or an event differs from those before.
        """
        index = self.product(product)
        metas, first_rows, counts = index.tables["image_meta"], index.starts[0], index.num_images
        filled = np.flatnonzero(counts)
        if len(filled) == 0:
            raise StoreError(f"{self.path}: {product} has no image in any event; convert it again")
        start, num = int(first_rows[filled[0]]), int(counts[filled[0]])
        shape, numbers = metas["number_of_voxels"][start], metas["projection_id"][start : start + num]
        odd = filled[counts[filled] != num][:1].tolist()
        if not odd:
            alike = (metas["number_of_voxels"] == shape).all(axis=1)
            alike &= metas["projection_id"] == np.tile(numbers, len(filled))
            odd = [int(filled[row // num]) for row in np.flatnonzero(~alike)[:1]]
        if odd:
            raise StoreError(
                f"{self.path}: {product} of event {odd[0]} is not {num} images of {'x'.join(map(str, shape))} sites "
                "as the events before it; convert all sources with the same settings"
            )
        return tuple(int(n) for n in shape), num

    def require_unchanged(self) -> None:
        """The file must be the one that was opened.

        Raises:
            StoreError: it is shorter, or changed, or another one has taken its place.
        """
        now, then = file_state(self.path), self.index.state
        if now.size < then.size:
            raise StoreError(f"{self.path}: was cut from {then.size} to {now.size} bytes while open; copy it again")
        if now != then:
            raise StoreError(f"{self.path}: was changed or replaced while open; start again to read the new file")

    def sparse(self, product: str, event: int) -> list[SparseImage]:
        """The projections of one event.

        Args:
            product: "sparse2d_image".
            event: position in the file.
        Raises:
            StoreError: the product is missing, or its voxels cannot be read.
        """
        index = self.product(product)
        rows = self._images(index, event)
        low, voxels = int(index.starts[1][rows.start]), self.event_rows(product, event)
        images = []
        for row in rows:
            start, end = (int(at) - low for at in index.starts[1][row : row + 2])
            images.append(_image(voxels[start:end], index.tables["image_meta"][row]))
        return images

    def clusters(self, product: str, event: int) -> list[Clusters]:
        """The clusters of one event, a projection each; errors as `sparse`."""
        index = self.product(product)
        rows = self._images(index, event)
        voxels = self.event_rows(product, event)
        low = int(index.starts[2][index.starts[1][rows.start]])
        groups = []
        for row in rows:
            first, last = (int(at) for at in index.starts[1][row : row + 2])
            start, end = (int(at) - low for at in index.starts[2][[first, last]])
            extents = index.tables["cluster_extents"][first:last]
            groups.append(
                Clusters(
                    image=_image(voxels[start:end], index.tables["image_meta"][row]),
                    lengths=extents["N"].astype(np.int64),
                    numbers=extents["ID"].astype(np.int64),
                )
            )
        return groups

    def particles(self, product: str, event: int) -> NDArray[Any]:
        """The particles of one event, rows of PARTICLE; errors as `sparse`."""
        return self.event_rows(product, event).copy()

    def particle_field(self, product: str, field: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """One field of all particles of the file, and the event of each; errors as `sparse`."""
        index = self.product(product)
        values: NDArray[Any] = self.rows(product, 0, index.layout.rows)[field].copy()
        return values, np.repeat(np.arange(len(self)), np.diff(index.event_rows))

    def product(self, product: str) -> ProductIndex:
        """The index of a product.

        Raises:
            StoreError: the file has none of this name.
        """
        if product not in self.index.products:
            raise StoreError(f"{self.path}: has no product {product}; it holds {', '.join(self.products) or 'none'}")
        return self.index.products[product]

    def event_rows(self, product: str, event: int) -> NDArray[Any]:
        """The rows of one event in a product's column, as they are stored; to be copied soon, for they may be a map.

        Raises:
            IndexError: the file has no such event.
            DamagedEventError: they cannot be read, or are not what was written.
            StoreError: the product is missing, or the file was changed while open.
        """
        self.require_unchanged()
        return self.trusted_event_rows(product, event)

    def trusted_event_rows(self, product: str, event: int) -> NDArray[Any]:
        """As `event_rows`, for a caller that has just made sure of `require_unchanged`, once for many events."""
        index = self.product(product)
        if not 0 <= event < len(self):
            raise IndexError(f"{self.path}: event {event} is out of range, the file has {len(self)}")
        try:
            if self._verifier is not None:
                self._verifier.require(product, event)
            low, high = index.event_rows[event : event + 2]
            return self._column(product).read(int(low), int(high))
        except ColumnError as error:
            raise DamagedEventError(
                Fault(self.path, f"cannot be read ({error})", error.remedy, product, event)
            ) from None

    def rows(self, product: str, low: int, high: int) -> NDArray[Any]:
        """Rows low to high of a product's column, as they are stored, whatever event they belong to.

        Raises:
            IndexError: there are no such rows.
            StoreError: they cannot be read, or are not what was written.
        """
        index = self.product(product)
        if not 0 <= low <= high <= index.layout.rows:
            raise IndexError(
                f"{self.path}: {product}: rows {low} to {high} are out of range, there are {index.layout.rows}"
            )
        self.require_unchanged()
        try:
            if self._verifier is not None:
                self._verifier.require_rows(product, low, high)
            return self._column(product).read(low, high)
        except ColumnError as error:
            raise StoreError(
                f"{self.path}: {product}: rows {low} to {high} cannot be read ({error}); {error.remedy}"
            ) from None

    def _images(self, index: ProductIndex, event: int) -> range:
        """Rows of the second level that belong to an event."""
        if not 0 <= event < len(self):
            raise IndexError(f"{self.path}: event {event} is out of range, the file has {len(self)}")
        first, last = index.starts[0][event : event + 2]
        return range(int(first), int(last))

    def _column(self, product: str) -> Column:
        """The rows of a product, opened at first use."""
        if product not in self._columns:
            if not self._close.alive:
                raise StoreError(f"{self.path}: is closed; read it before, or open it again")
            index = self.product(product)
            name = f"Data/{product}_group/{index.column}"
            self._columns[product] = open_column(self.path, name, self._descriptor, index.layout)
        return self._columns[product]


def _image(voxels: NDArray[Any], meta: NDArray[Any]) -> SparseImage:
    return SparseImage(
        ids=voxels["id"].astype(np.int64),
        values=voxels["value"].astype(np.float32),
        shape=tuple(int(n) for n in meta["number_of_voxels"]),
        projection=int(meta["projection_id"]),
        size=tuple(float(n) for n in meta["image_sizes"]),
        origin=tuple(float(n) for n in meta["origin"]),
    )


def require_same_sites(path: Path, event: int, image: list[SparseImage], label: list[SparseImage]) -> None:
    """Image and label of an event must have the same sites in the same projections.

    Raises:
        StoreError: they differ; the message says where.
    """
    if len(image) != len(label):
        raise StoreError(
            f"{path}: event {event}: image has {len(image)} projections, label has {len(label)}; convert it again"
        )
    for one, other in zip(image, label, strict=True):
        if one.shape != other.shape or one.projection != other.projection or not np.array_equal(one.ids, other.ids):
            raise StoreError(
                f"{path}: event {event}, projection {one.projection}: image ({len(one.ids)} sites) and label "
                f"({len(other.ids)} sites) disagree; convert it again"
            )
