"""The larcv3 compounds and what they hold, as plain arrays.

Source: larcv 3.5 data products; layouts checked on files that larcv 3.5.1 wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

EVENT_ID = np.dtype([("run", "<i8"), ("subrun", "<i8"), ("event", "<i8")])
EXTENTS = np.dtype({"names": ["first", "N"], "formats": ["<u8", "<u4"], "offsets": [0, 8], "itemsize": 16})
ID_EXTENTS = np.dtype([("first", "<u8"), ("N", "<u4"), ("ID", "<u4")])
VOXEL = np.dtype({"names": ["id", "value"], "formats": ["<u8", "<f4"], "offsets": [0, 8], "itemsize": 16})
COMPACT_VOXEL = np.dtype([("id", "<u4"), ("value", "<f4")])
COMPACT_LABEL = np.dtype([("id", "<u4"), ("value", "u1")])
WIDE_VOXEL = np.dtype([("id", "<u8"), ("value", "<f4")])
WIDE_LABEL = np.dtype([("id", "<u8"), ("value", "u1")])
VERTEX = np.dtype([("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("t", "<f8")])
_PARTICLE_FIELDS: list[tuple[str, Any, int]] = [
    ("id", "<u2", 0),
    ("mcst_index", "<u2", 2),
    ("mct_index", "<u2", 4),
    ("shape", "<i4", 8),
    ("current_type", "<i2", 12),
    ("interaction_type", "<i2", 14),
    ("trackid", "<u4", 16),
    ("pdg", "<i4", 20),
    ("px", "<f8", 24),
    ("py", "<f8", 32),
    ("pz", "<f8", 40),
    ("vtx", VERTEX, 48),
    ("end_pt", VERTEX, 80),
    ("first_step", VERTEX, 112),
    ("last_step", VERTEX, 144),
    ("dist_travel", "<f8", 176),
    ("energy_init", "<f8", 184),
    ("energy_deposit", "<f8", 192),
    ("process", "S64", 200),
    ("parent_trackid", "<u4", 264),
    ("parent_pdg", "<i4", 268),
    ("parent_vtx", VERTEX, 272),
    ("ancestor_trackid", "<u4", 304),
    ("ancestor_pdg", "<i4", 308),
    ("ancestor_vtx", VERTEX, 312),
]
PARTICLE = np.dtype(
    {
        "names": [name for name, _, _ in _PARTICLE_FIELDS],
        "formats": [kind for _, kind, _ in _PARTICLE_FIELDS],
        "offsets": [offset for _, _, offset in _PARTICLE_FIELDS],
        "itemsize": 344,
    }
)


def image_meta(ndim: int) -> np.dtype[Any]:
    """The compound that describes one projection of `ndim` dimensions."""
    return np.dtype(
        {
            "names": ["valid", "projection_id", "image_sizes", "number_of_voxels", "origin"],
            "formats": ["u1", "<u8", ("<f8", (ndim,)), ("<u8", (ndim,)), ("<f8", (ndim,))],
            "offsets": [0, 8, 16, 16 + 8 * ndim, 16 + 16 * ndim],
            "itemsize": 24 + 24 * ndim,
        }
    )


def box(ndim: int) -> np.dtype[Any]:
    """The compound of a bounding box of `ndim` dimensions."""
    return np.dtype([("centroid", "<f8", (ndim,)), ("half_length", "<f8", (ndim,)), ("rotation", "<f8", (ndim**2,))])


@dataclass(frozen=True)
class Kind:
    """How the datasets of a product lead from an event to its rows.

    Attributes:
        levels: tables in order; a row (first, N) of each selects rows of the next, the last one is `column`.
        column: what an event consists of in the end: voxels, particles, pixels or boxes.
        metas: whether a table image_meta runs beside the second level.
    """

    levels: tuple[str, ...]
    column: str
    metas: bool


KINDS = {
    "sparse": Kind(("extents", "voxel_extents"), "voxels", metas=True),
    "cluster": Kind(("extents", "projection_extents", "cluster_extents"), "voxels", metas=True),
    "particle": Kind(("extents",), "particles", metas=False),
    "bbox": Kind(("extents", "bbox_extents"), "bboxes", metas=True),
    "image": Kind(("extents", "image_extents"), "images", metas=True),
    "tensor": Kind(("extents", "image_extents"), "images", metas=True),
}


def product_kind(product: str) -> str:
    """What sort of product it is, from its name: sparse2d_image -> sparse.

    Raises:
        ValueError: a name of no known kind.
    """
    kind = re.sub(r"[1-4]d$", "", product.split("_", 1)[0])
    if kind not in KINDS:
        raise ValueError(f"product {product!r} is none of {', '.join(KINDS)}")
    return kind


def table_types(product: str) -> dict[str, np.dtype[Any]]:
    """The tables of a product and the compounds of their rows.

    Raises:
        ValueError: the name is of no known kind, or does not say how many dimensions the images have.
    """
    kind = KINDS[product_kind(product)]
    types = dict.fromkeys(kind.levels, ID_EXTENTS) | {"extents": EXTENTS}
    return types | {"image_meta": image_meta(product_ndim(product))} if kind.metas else types


def column_types(product: str) -> tuple[np.dtype[Any], ...]:
    """What the rows of a product's column may be: larcv3's own compound, or one that larcv3 reads as well."""
    match KINDS[product_kind(product)].column:
        case "voxels":
            return (VOXEL, WIDE_VOXEL, WIDE_LABEL, COMPACT_VOXEL, COMPACT_LABEL)
        case "bboxes":
            return (box(product_ndim(product)),)
        case "images":
            return (np.dtype("<f4"),)
        case _:
            return (PARTICLE,)


class EventId(NamedTuple):
    """The key of an event; unique within a run of the workflow."""

    run: int
    subrun: int
    event: int


@dataclass(frozen=True)
class SparseImage:
    """The stored sites of one projection of one event.

    Attributes:
        ids: int64[N], ascending; position in the image in C order, id = (x * n1 + y) * n2 + z.
        values: float32[N]; charge, energy or label of each site.
        shape: sites along each axis.
        projection: number of the projection (the wire plane).
        size: extent along each axis, in the unit of the source; the shape itself where the source has none.
        origin: coordinate of the first site's edge, same unit.
    """

    ids: NDArray[np.int64]
    values: NDArray[np.float32]
    shape: tuple[int, ...]
    projection: int = 0
    size: tuple[float, ...] | None = None
    origin: tuple[float, ...] | None = None

    @property
    def coords(self) -> NDArray[np.int64]:
        """int64[N, ndim], the position of each site."""
        return np.stack(np.unravel_index(self.ids, self.shape), axis=1).astype(np.int64)


@dataclass(frozen=True)
class Clusters:
    """Groups of sites of one projection of one event: `lengths[k]` sites of `image` belong to cluster `numbers[k]`.

    Attributes:
        image: the sites, cluster after cluster; ids ascend within a cluster only.
        lengths: int64[K], sites a cluster.
        numbers: int64[K], the cluster's own number.
    """

    image: SparseImage
    lengths: NDArray[np.int64]
    numbers: NDArray[np.int64]


def product_ndim(product: str) -> int:
    """Dimensions of a product, from its name: sparse2d_image -> 2.

    Raises:
        ValueError: the name states none.
    """
    kind = product.split("_", 1)[0]
    if kind[-2:] not in ("1d", "2d", "3d", "4d"):
        raise ValueError(f"product {product!r} does not say how many dimensions it has, as sparse2d_image does")
    return int(kind[-2])
