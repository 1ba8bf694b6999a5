"""Small larcv3 files stored in every way, and all that can be read of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.store import Clusters, EventId, ShardReader, ShardWriter, SiteReader, SparseImage, StoreError
from nuweave.store.edepsim import MC_HDR, MC_STACK, SEGMENT, TRAJECTORY, VERTEX, EdepSimEvents
from nuweave.store.schema import COMPACT_LABEL, COMPACT_VOXEL, product_kind
from nuweave.store.sites import Columns
from nuweave.store.sums import make_sums, write_sums
from tests import mock

IMAGE, LABEL, CLUSTER, PARTICLE = "sparse2d_image", "sparse2d_label", "cluster2d_vertex", "particle_truth"
SHAPE = (16, 12)
# sites of each projection of each event: an event without sites, and one without projections in the middle
SITES: tuple[tuple[int, ...], ...] = ((20, 0), (0, 0), (), (7, 33), (12, 5))

CONTIGUOUS: dict[str, Any] = {}
PLAIN = {"chunks": (16,), "maxshape": (None,)}
DEFLATED = PLAIN | {"compression": "gzip", "compression_opts": 1}
SHUFFLED = DEFLATED | {"shuffle": True}
LZF = PLAIN | {"compression": "lzf"}
SETTINGS = {
    "contiguous": CONTIGUOUS,
    "plain": PLAIN,
    "deflated": DEFLATED,
    "shuffled": SHUFFLED,
    "only_shuffled": PLAIN | {"shuffle": True},
    "lzf": LZF,
    "fletcher32": PLAIN | {"fletcher32": True},
}


def write(path: Path, sites: tuple[tuple[int, ...], ...] = SITES, *, shape: tuple[int, ...] = SHAPE) -> Path:
    """A file of ours with image, label, two clusters a projection and particles; `sites` counts a projection each."""
    rng = np.random.default_rng(7)
    ndim = len(shape)
    with ShardWriter(path) as writer:
        for event, counts in enumerate(sites):
            images = [mock.image(rng, shape=shape, projection=plane, num_sites=num) for plane, num in enumerate(counts)]
            writer.append(
                EventId(3, 1, event),
                sparse={
                    f"sparse{ndim}d_image": images,
                    f"sparse{ndim}d_label": [mock.labels(rng, image) for image in images],
                },
                clusters={
                    f"cluster{ndim}d_vertex": [
                        Clusters(image, np.array([len(image.ids) // 2, -(-len(image.ids) // 2)]), np.array([4, 9]))
                        for image in images
                    ]
                },
                particles={PARTICLE: mock.neutrino()[: event % 4]},
            )
    return path


def rewrite(
    source: Path,
    path: Path,
    *,
    columns: Mapping[str, Any] = CONTIGUOUS,
    tables: Mapping[str, Any] = DEFLATED,
    voxels: Mapping[str, np.dtype[Any]] | None = None,
) -> Path:
    """The same content, stored otherwise.

    Args:
        source: a file.
        path: the file to make.
        columns, tables: settings of h5py for the columns and for all other datasets.
        voxels: product -> compound of its voxels, where it is to be another.
    """
    with h5py.File(source) as old, h5py.File(path, "w", libver=("earliest", "v110")) as new:
        new.create_dataset("Events/event_id", data=old["Events/event_id"][:], **tables)
        for group in old["Data"].values():
            for dataset in group.values():
                is_column = dataset.name.endswith(("/voxels", "/particles"))
                rows = dataset[:]
                if dataset.name.endswith("/voxels") and voxels:
                    product = group.name.removeprefix("/Data/").removesuffix("_group")
                    wide, rows = rows, np.zeros(len(rows), voxels.get(product, rows.dtype))
                    rows["id"], rows["value"] = wide["id"], wide["value"]
                new.create_dataset(dataset.name, data=rows, **(columns if is_column else tables))
    return path


def write_larcv_like(path: Path) -> Path:
    """As larcv3 writes it: all deflated, in chunks smaller than an event."""
    return rewrite(write(path.with_name("source.h5")), path, columns=DEFLATED)


def write_compact(path: Path) -> Path:
    """As a repacked file is: columns contiguous and narrow, tables deflated, checksums beside it."""
    types = {IMAGE: COMPACT_VOXEL, LABEL: COMPACT_LABEL, CLUSTER: COMPACT_VOXEL}
    rewrite(write(path.with_name("source.h5")), path, tables=SHUFFLED, voxels=types)
    with ShardReader(path) as reader:
        write_sums(path, make_sums(reader.index, reader.rows))
    return path


def room(num: int) -> Columns:
    """Columns for `num` sites, full of numbers that no file has."""
    return Columns(np.full(num, 2**32 - 1, np.uint32), np.full(num, -1.0, np.float32), np.full(num, 255, np.uint8))


def read_sites(reader: SiteReader, events: list[int]) -> tuple[list[int], list[float], list[int]]:
    """Ids, values and labels of some events, one after another."""
    out = room(int(reader.num_sites[events].sum()))
    reader.read(events, out)
    return out.ids.tolist(), out.values.tolist(), out.labels.tolist()


def _image_parts(image: SparseImage) -> list[Any]:
    return [image.ids.tolist(), image.values.tolist(), image.shape, image.projection, image.size, image.origin]


def _read_event(reader: ShardReader, product: str, event: int) -> list[Any]:
    match product_kind(product):
        case "sparse":
            return [_image_parts(image) for image in reader.sparse(product, event)]
        case "cluster":
            groups = reader.clusters(product, event)
            return [[*_image_parts(of.image), of.lengths.tolist(), of.numbers.tolist()] for of in groups]
        case _:
            return _fields(reader.particles(product, event))


def _fields(rows: NDArray[Any]) -> list[Any]:
    """Rows without the bytes between their fields."""
    return [rows[name].tolist() for name in rows.dtype.names or ()]


def read_all(path: Path, products: tuple[str, ...] = (IMAGE, LABEL, CLUSTER, PARTICLE)) -> dict[str, Any]:
    """Everything that readers give of a file; where they refuse, the error in its place.

    Returns:
        what -> content, or StoreError, or IndexError; another error is raised.
    """
    found: dict[str, Any] = {}

    def read(what: str, content: Any) -> None:
        try:
            found[what] = content()
        except (StoreError, IndexError) as error:
            found[what] = error

    try:
        reader = ShardReader(path)
    except StoreError as error:
        return {"all": error}
    with reader:
        found["event ids"] = _fields(reader.event_ids)
        for product in products:
            for event in range(len(SITES)):
                read(f"{product} {event}", lambda p=product, e=event: _read_event(reader, p, e))
        read("pdg", lambda: [part.tolist() for part in reader.particle_field(PARTICLE, "pdg")])
        read("sites", lambda: SiteReader(reader, image=IMAGE, label=LABEL, num_classes=3))
        sites = found.pop("sites")
        if isinstance(sites, SiteReader):
            found["sites"] = [sites.shape, sites.num_planes, sites.num_sites.tolist()]
            for event in range(len(SITES)):
                read(f"sites {event}", lambda e=event: read_sites(sites, [e]))
        else:
            found["sites"] = sites
    return found


def edepsim_tables() -> EdepSimEvents:
    """Two events: a neutrino with one segment of 0.6 MeV, a cosmic without."""
    segments, trajectories = np.zeros(1, SEGMENT), np.zeros(1, TRAJECTORY)
    vertices, header, stack = np.zeros(2, VERTEX), np.zeros(1, MC_HDR), np.zeros(1, MC_STACK)
    vertices["event_id"], vertices["vertex_id"] = [0, 4], [0, 4001]
    segments["dE"], segments["t0_start"] = 0.6, 1e-6
    header["Enu"], stack["part_4mom"] = 800, [0, 0, 800, 800]
    return EdepSimEvents(segments, trajectories, vertices, header, stack)
