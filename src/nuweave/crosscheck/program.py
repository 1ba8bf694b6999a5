"""What larcv itself reads from a file and writes to one. Run by path with the python of .venv-larcv, never imported.

    program.py read FILE OUT.npz      every event, through larcv's Python API
    program.py write IN.npz FILE      the same layout back, with larcv's own writer
    program.py queue FILE FORM ...    times larcv's queueio; speaks JSON, a line in, a line out

The npz holds an array a column. A count says how many rows of the next level belong to each row of its own:

    event_id      run, subrun, event (an event)
    sparse2d_x/   num_images (an event); projection, shape, size, origin, num_voxels (an image); id, value (a voxel)
    cluster2d_x/  num_images (an event); projection, shape, size, origin, num_clusters (an image);
                  number, num_voxels (a cluster); id, value (a voxel)
    particle_x/   num_particles (an event); id, pdg, px, ... and vtx, end_pt, ... as x, y, z, t (a particle)

Each product and event is named on stderr before larcv touches it, so that a crash has a place.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import larcv
import numpy as np
from larcv import queueloader
from larcv.config_builder import ConfigBuilder
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

NDIM = {"sparse2d": 2, "sparse3d": 3, "cluster2d": 2, "cluster3d": 3, "particle": 0}
MODE = "bench"
QUEUE_LIMIT_S = 600
STALE = 65535  # a number that no image bears which larcv has just read: it numbers them from 0
PROCESS_LENGTH = 63  # of the name of a process: larcv takes no longer one, and does not end a shorter one
SCALARS = {
    "mcst_index": "mcst_index",
    "mct_index": "mct_index",
    "current_type": "nu_current_type",
    "interaction_type": "nu_interaction_type",
    "trackid": "track_id",
    "pdg": "pdg_code",
    "dist_travel": "distance_travel",
    "energy_init": "energy_init",
    "energy_deposit": "energy_deposit",
    "parent_trackid": "parent_track_id",
    "parent_pdg": "parent_pdg_code",
    "ancestor_trackid": "ancestor_track_id",
    "ancestor_pdg": "ancestor_pdg_code",
}
VERTICES = {
    "vtx": "position",
    "end_pt": "end_position",
    "first_step": "first_step",
    "last_step": "last_step",
    "parent_vtx": "parent_position",
    "ancestor_vtx": "ancestor_position",
}


def read(source: str, out: str) -> None:
    """Write to an npz what larcv reads from a file."""
    manager = larcv.IOManager(larcv.IOManager.kREAD)
    manager.add_in_file(source)
    manager.initialize()
    kinds = sorted(set(manager.product_list()) & set(NDIM))
    products = [(kind, name) for kind in kinds for name in manager.producer_list(kind)]
    gathered: defaultdict[str, list[NDArray[Any]]] = defaultdict(list, event_id=[np.zeros((0, 3), np.int64)])
    for event in range(manager.get_n_entries()):
        manager.read_entry(event)
        key = manager.event_id()
        gathered["event_id"].append(np.array([[key.run(), key.subrun(), key.event()]], np.int64))
        for kind, name in products:
            announce(kind, name, event)
            for column, rows in read_product(kind, manager.get_data(kind, name)).items():
                gathered[f"{kind}_{name}/{column}"].append(rows)
        manager.clear_entry()  # else larcv repeats the clusters and particles of this event where the next has none
    arrays: dict[str, Any] = {column: np.concatenate(rows) for column, rows in gathered.items()}
    np.savez(out, **arrays)


def write(source: str, out: str) -> None:
    """Let larcv write the content of an npz to a file."""
    with np.load(source) as stored:
        columns = dict(stored)
    manager = larcv.IOManager(larcv.IOManager.kWRITE)
    manager.set_out_file(out)
    manager.initialize()
    products = {product: Rows(columns, product) for product in sorted({c.split("/")[0] for c in columns if "/" in c})}
    for event, key in enumerate(columns["event_id"].tolist()):
        manager.set_id(*key)
        for product, rows in products.items():
            kind, name = product.split("_", 1)
            announce(kind, name, event)
            write_product(kind, manager.get_data(kind, name), rows)
        manager.save_entry()
    manager.finalize()


def announce(kind: str, name: str, event: int) -> None:
    """Name what larcv is about to touch."""
    sys.stderr.write(f"{kind}_{name} {event}\n")
    sys.stderr.flush()


def read_product(kind: str, data: Any) -> Columns:
    """The columns of one product of one event."""
    if kind == "particle":
        return particle_columns([data.at(i) for i in range(data.size())])
    images = [data.at(i) for i in range(data.size())]
    if kind.startswith("cluster"):
        clusters = [image.voxel_set(i) for image in images for i in range(image.size())]
        return {
            **image_columns(images, NDIM[kind]),
            "num_clusters": np.array([image.size() for image in images], np.int64),
            "number": np.array([cluster.id() for cluster in clusters], np.int64),
            **voxel_columns(clusters),
        }
    if images and images[0].id() == STALE:
        images = []
    mark_stale(data, NDIM[kind])
    return {**image_columns(images, NDIM[kind]), **voxel_columns(images)}


def mark_stale(data: Any, ndim: int) -> None:
    """Number the first image of a sparse product as larcv never would.

    larcv returns the images of the event before where an event has none, and clears no sparse product.
    """
    voxels = larcv.VoxelSet()
    voxels.id(STALE)
    data.set(voxels, new_meta(0, [(1.0, 1, 0.0)] * ndim))


def image_columns(images: Sequence[Any], ndim: int) -> Columns:
    """Projection and geometry of the images of one event."""
    metas = [image.meta() for image in images]
    axes = range(ndim)
    return {
        "num_images": np.array([len(metas)], np.int64),
        "projection": np.array([meta.projection_id() for meta in metas], np.int64),
        "shape": np.array([[m.number_of_voxels(i) for i in axes] for m in metas], np.int64).reshape(-1, ndim),
        "size": np.array([[m.image_size(i) for i in axes] for m in metas], np.float64).reshape(-1, ndim),
        "origin": np.array([[m.origin(i) for i in axes] for m in metas], np.float64).reshape(-1, ndim),
    }


def voxel_columns(sets: Sequence[Any]) -> Columns:
    """The voxels of images or clusters."""
    return {
        "num_voxels": np.array([one.size() for one in sets], np.int64),
        "id": np.concatenate([np.zeros(0, np.int64), *(one.indexes().astype(np.int64) for one in sets)]),
        "value": np.concatenate([np.zeros(0, np.float32), *(one.values() for one in sets)]),
    }


def particle_columns(particles: Sequence[Any]) -> Columns:
    """Every field of the particles of one event; the name of a process ends at its first zero byte."""
    rows = np.concatenate([larcv.Particle().as_array()[:0], *(particle.as_array() for particle in particles)])
    columns: Columns = {"num_particles": np.array([len(rows)], np.int64)}
    for field in rows.dtype.names or ():
        column = np.ascontiguousarray(rows[field])
        columns[field[1:]] = column.view(np.float64).reshape(-1, 4) if column.dtype.names else column
    columns["process"] = np.array([name.split(b"\0")[0] for name in columns["process"].tolist()], "S64")
    return columns


class Rows:
    """The columns of one product, taken from front to back."""

    def __init__(self, columns: Columns, product: str) -> None:
        self.columns = columns
        self.product = product
        self.taken: Counter[str] = Counter()

    def take(self, column: str, num: int) -> NDArray[Any]:
        """The next `num` rows of a column."""
        start = self.taken[column]
        self.taken[column] += num
        return self.columns[f"{self.product}/{column}"][start : start + num]

    def next(self, column: str) -> Any:
        """The next row of a column, as plain Python."""
        return self.take(column, 1)[0].tolist()


def write_product(kind: str, data: Any, rows: Rows) -> None:
    """Fill one product of one event."""
    if kind == "particle":
        for _ in range(rows.next("num_particles")):
            data.append(new_particle(rows))
        return
    for _ in range(rows.next("num_images")):
        axes = zip(rows.next("size"), rows.next("shape"), rows.next("origin"), strict=True)
        meta = new_meta(rows.next("projection"), list(axes))
        if kind.startswith("sparse"):
            data.set(new_voxels(rows), meta)
        else:
            image = larcv.SparseCluster2D() if NDIM[kind] == 2 else larcv.SparseCluster3D()
            image.meta(meta)
            for _ in range(rows.next("num_clusters")):
                voxels = new_voxels(rows)
                voxels.id(rows.next("number"))
                image.insert(voxels)
            data.set(image)


def new_meta(projection: int, axes: Sequence[tuple[float, int, float]]) -> Any:
    """An image's geometry; size, sites and origin of each axis."""
    meta = larcv.ImageMeta2D() if len(axes) == 2 else larcv.ImageMeta3D()
    for axis, (size, sites, origin) in enumerate(axes):
        meta.set_dimension(axis, size, sites, origin)
    meta.set_projection_id(projection)
    return meta


def new_voxels(rows: Rows) -> Any:
    """The next voxels."""
    num = rows.next("num_voxels")
    voxels = larcv.VoxelSet()
    voxels.set(rows.take("id", num).astype(np.uint64), rows.take("value", num))
    return voxels


def new_particle(rows: Rows) -> Any:
    """The next particle. larcv numbers it itself, and its Python cannot set the shape."""
    particle = larcv.Particle()
    particle.momentum(rows.next("px"), rows.next("py"), rows.next("pz"))
    particle.creation_process(rows.next("process").ljust(PROCESS_LENGTH, b"\0"))
    for field, setter in SCALARS.items():
        getattr(particle, setter)(rows.next(field))
    for field, setter in VERTICES.items():
        getattr(particle, setter)(*rows.next(field))
    return particle


def queue(source: str, form: str, planes: int, batch: int, max_voxels: int) -> None:
    """Time larcv's queue: a line in holds the entries of some batches, the line out the seconds that they took."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # larcv speaks there
    loader = open_queue(source, planes, batch, max_voxels)
    for line in sys.stdin:
        signal.alarm(QUEUE_LIMIT_S)  # larcv can wait forever
        wall, cpu = time.perf_counter(), time.process_time()
        for entries in json.loads(line):
            loader.prepare_next(MODE, entries)
            data = loader.fetch_minibatch_data(
                MODE, pop=True, fetch_meta_data=True, data_shape="dense" if form == "dense" else None, channels="first"
            )
            if list(data["entries"]) != entries:
                raise RuntimeError(f"larcv gives the entries {list(data['entries'])}, not {entries}")
        seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        answers.write(json.dumps(seconds) + "\n")
        answers.flush()
    os._exit(0)  # an idle queue waits for itself, for ever, when Python takes it down


def open_queue(source: str, planes: int, batch: int, max_voxels: int) -> Any:
    """A queue over sparse2d_image and sparse2d_label, with no batch on its way."""
    config = ConfigBuilder()
    config.set_parameter([source], "InputFiles")
    for place in ((), ("ProcessDriver",), ("ProcessDriver", "IOManager")):
        config.set_parameter(5, *place, "Verbosity")
    for name in ("image", "label"):
        config.add_batch_filler(
            datatype="sparse2d",
            producer=name,
            name=MODE + name,
            MaxVoxels=max_voxels,
            Augment=False,
            Channels=list(range(planes)),
        )
    loader = queueloader.queue_interface(random_access_mode="serial_access", seed=0)
    loader.no_warnings()
    settings = {"filler_name": MODE, "verbosity": 5, "filler_cfg": config.get_config(), "make_copy": False}
    loader.prepare_manager(MODE, settings, batch, {name: MODE + name for name in ("image", "label")}, color=0)
    loader.fetch_minibatch_data(MODE, pop=True)  # the batch that it reads ahead by itself
    return loader


def main() -> None:
    """Run one sub-command."""
    parser = argparse.ArgumentParser(description="what larcv reads and writes")
    commands = parser.add_subparsers(required=True)
    for run in (read, write):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.add_argument("source")
        command.add_argument("out")
        command.set_defaults(run=run)
    command = commands.add_parser(queue.__name__, help=queue.__doc__)
    command.add_argument("source")
    command.add_argument("form", choices=["sparse", "dense"])
    for number in ("planes", "batch", "max_voxels"):
        command.add_argument(number, type=int)
    command.set_defaults(run=queue)
    arguments = vars(parser.parse_args())
    arguments.pop("run")(**arguments)


if __name__ == "__main__":
    main()
