"""Read larcv3 files: the small index tables whole, voxels one slice an event."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nuweave.store.files import StoreError, open_h5
from nuweave.store.schema import Clusters, EventId, SparseImage


class ShardReader:
    """A larcv3 file, open for reading. Index tables are read and checked on opening.

    Args:
        path: the file.
    Raises:
        StoreError: missing, empty, truncated, not HDF5, not larcv3, or tables that contradict each other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_h5(path)
        try:
            self._read_index()
        except BaseException:
            self._file.close()
            raise

    def _read_index(self) -> None:
        if "Events/event_id" not in self._file or "Data" not in self._file:
            found = ", ".join(sorted(self._file)) or "nothing"
            raise StoreError(
                f"{self.path}: is HDF5 but not larcv3: Events/event_id and Data are needed, found {found}; "
                "convert it first, or name the adapter of its format"
            )
        self.event_ids: NDArray[Any] = self._file["Events/event_id"][:]
        self.products: tuple[str, ...] = tuple(
            sorted(name.removesuffix("_group") for name in self._file["Data"] if name.endswith("_group"))
        )
        self._tables: dict[str, dict[str, NDArray[Any]]] = {}
        self._columns: dict[str, Any] = {}
        for product in self.products:
            group = self._file[f"Data/{product}_group"]
            if "extents" not in group:
                raise StoreError(f"{self.path}: {product} has no extents; write the file again")
            tables = {name: group[name][:] for name in group if name.endswith("extents") or name == "image_meta"}
            if len(tables["extents"]) != len(self.event_ids):
                raise StoreError(
                    f"{self.path}: {product} has {len(tables['extents'])} events, Events/event_id has "
                    f"{len(self.event_ids)}; the file is damaged or half written: write it again"
                )
            self._tables[product] = tables
            self._require_sums(product, tables, group)

    def _require_sums(self, product: str, tables: dict[str, NDArray[Any]], group: Any) -> None:
        """Each level of indirection must account for every row of the next."""
        if product.startswith("sparse"):
            chain = ["extents", "voxel_extents", "voxels"]
        elif product.startswith("cluster"):
            chain = ["extents", "projection_extents", "cluster_extents", "voxels"]
        elif product.startswith("particle"):
            chain = ["extents", "particles"]
        else:
            return
        for upper, lower in pairwise(chain):
            if lower not in group:
                raise StoreError(f"{self.path}: {product} has no {lower}; write the file again")
            counted, stored = int(tables[upper]["N"].sum()), len(group[lower])
            if counted != stored:
                raise StoreError(
                    f"{self.path}: {product}: {upper} counts {counted} rows of {lower}, {stored} are stored; "
                    "the file is damaged or half written: write it again"
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self.event_ids)

    def event_id(self, event: int) -> EventId:
        """The stored key of an event; larcv writes (-1, -1, -1) when none was set."""
        return EventId(*(int(part) for part in self.event_ids[event]))

    def num_voxels(self, product: str) -> NDArray[np.int64]:
        """int64[events], stored voxels of each event, all projections together."""
        tables = self._table(product)
        sums = np.concatenate([[0], np.cumsum(tables["voxel_extents"]["N"].astype(np.int64))])
        first = tables["extents"]["first"].astype(np.int64)
        return np.asarray(sums[first + tables["extents"]["N"]] - sums[first], np.int64)

    def geometry(self, product: str) -> tuple[tuple[int, ...], int]:
        """Sites along each axis and projections an event, the same for every event that has any.

        Raises:
            StoreError: the product is missing or empty, or an event differs from those before.
        """
        tables = self._table(product)
        shapes, counts = tables["image_meta"]["number_of_voxels"], tables["extents"]["N"]
        filled = np.flatnonzero(counts)
        if len(filled) == 0:
            raise StoreError(f"{self.path}: {product} has no image in any event; convert it again")
        first = filled[0]
        shape, num = shapes[int(tables["extents"]["first"][first])], int(counts[first])
        odd_rows = np.flatnonzero((shapes != shape).any(axis=1))
        odd = [int(event) for event in filled[counts[filled] != num][:1]]
        odd += [int(np.searchsorted(np.cumsum(counts), row, side="right")) for row in odd_rows[:1]]
        if odd:
            raise StoreError(
                f"{self.path}: {product} of event {min(odd)} is not {num} images of {'x'.join(map(str, shape))} sites "
                "as the events before it; convert all sources with the same settings"
            )
        return tuple(int(n) for n in shape), num

    def sparse(self, product: str, event: int) -> list[SparseImage]:
        """The projections of one event.

        Args:
            product: "sparse2d_image".
            event: position in the file.
        Raises:
            StoreError: the product is missing, or its voxels cannot be read.
        """
        tables, rows = self._rows(product, event)
        if len(rows) == 0:
            return []
        extents, metas = tables["voxel_extents"], tables["image_meta"]
        low = int(extents["first"][rows[0]])
        high = int(extents["first"][rows[-1]]) + int(extents["N"][rows[-1]])
        voxels = self._voxels(product, event, low, high)
        images = []
        for row in rows:
            start = int(extents["first"][row]) - low
            images.append(_image(voxels[start : start + int(extents["N"][row])], metas[row]))
        return images

    def clusters(self, product: str, event: int) -> list[Clusters]:
        """The clusters of one event, a projection each; errors as `sparse`."""
        tables, rows = self._rows(product, event)
        groups = []
        for row in rows:
            first, num = (int(tables["projection_extents"][name][row]) for name in ("first", "N"))
            extents = tables["cluster_extents"][first : first + num]
            low = int(extents["first"][0]) if num else 0
            voxels = self._voxels(product, event, low, low + int(extents["N"].sum()))
            groups.append(
                Clusters(
                    image=_image(voxels, tables["image_meta"][row]),
                    lengths=extents["N"].astype(np.int64),
                    numbers=extents["ID"].astype(np.int64),
                )
            )
        return groups

    def particles(self, product: str, event: int) -> NDArray[Any]:
        """The particles of one event, rows of PARTICLE; errors as `sparse`."""
        extents = self._table(product)["extents"]
        first, num = int(extents["first"][event]), int(extents["N"][event])
        rows: NDArray[Any] = self._column(product, "particles")[first : first + num]
        return rows

    def particle_field(self, product: str, field: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """One field of all particles of the file, and the event of each; errors as `sparse`."""
        extents = self._table(product)["extents"]
        first, counts = extents["first"].astype(np.int64), extents["N"].astype(np.int64)
        rows = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
        values: NDArray[Any] = self._column(product, "particles").fields(field)[:]
        return values[rows], np.repeat(np.arange(len(counts)), counts)

    def _table(self, product: str) -> dict[str, NDArray[Any]]:
        if product not in self._tables:
            raise StoreError(f"{self.path}: has no product {product}; it holds {', '.join(self.products) or 'none'}")
        return self._tables[product]

    def _rows(self, product: str, event: int) -> tuple[dict[str, NDArray[Any]], range]:
        tables = self._table(product)
        if not 0 <= event < len(self):
            raise IndexError(f"{self.path}: event {event} is out of range, the file has {len(self)}")
        first, num = int(tables["extents"]["first"][event]), int(tables["extents"]["N"][event])
        return tables, range(first, first + num)

    def _column(self, product: str, name: str) -> Any:
        """Rows to slice, kept open: straight from the page cache where they lie contiguous, else decoded by HDF5."""
        path = f"Data/{product}_group/{name}"
        if path not in self._columns:
            dataset = self._file[path]
            offset = dataset.id.get_offset() if dataset.chunks is None else None
            if offset is not None:
                dataset = np.memmap(self.path, dataset.dtype, "r", offset=offset, shape=dataset.shape)
            self._columns[path] = dataset
        return self._columns[path]

    def _voxels(self, product: str, event: int, low: int, high: int) -> NDArray[Any]:
        try:
            voxels: NDArray[Any] = self._column(product, "voxels")[low:high]
        except OSError as error:
            raise StoreError(
                f"{self.path}: {product} of event {event} cannot be read ({error}); write the file again"
            ) from None
        return voxels


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
