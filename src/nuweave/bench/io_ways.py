"""The ways of reading that `bench io` compares. Each reads the same batches of events, image and label."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.bench.io_files import IMAGE, LABEL, Files
from nuweave.bench.larcv_queue import LarcvQueue
from nuweave.bench.stopwatch import Batches, Timing, one_core, timed
from nuweave.store import Columns, ShardReader, SiteReader, even_pieces, id_type

BATCH = 16
MAX_VOXELS = 50_000  # of CosmicTagger's configuration; more only where an image has more sites
THREADS = 2


@dataclass(frozen=True)
class Way:
    """One way of reading.

    Attributes:
        name: short, for the record.
        what: in words, for the table.
        num_batches: how many it reads in a repetition; more for a fast one, so that its time can be told.
        on_one_core: whether it is held to one processor.
        measure: reads batches and times that.
    """

    name: str
    what: str
    num_batches: int
    on_one_core: bool
    measure: Callable[[Batches], Timing]


def open_ways(files: Files, stack: ExitStack, batches: Batches) -> list[Way]:
    """All ways that these files allow.

    Args:
        files: the events in every form.
        stack: closes what the ways open.
        batches: that they will be asked for.
    """
    repacked = stack.enter_context(ShardReader(files.repacked))
    slab = make_slab(_sites(repacked), batches)
    dense = stack.enter_context(h5py.File(files.dense))
    archive = stack.enter_context(ShardReader(files.archive))
    ways = [
        Way("repacked", "ours, repacked file", 100, True, ours(_sites(repacked), slab)),
        Way("byte_copy", "byte copy of the same slices of it (the limit)", 100, True, byte_copy(repacked, batches)),
        Way(
            "first_read",
            "ours, repacked file, first read: every site and checksum checked",
            len(batches),
            True,
            first_read(files.repacked, slab),
        ),
        Way("archive", "ours, archive file", 10, True, ours(_sites(archive), slab)),
        Way("dense_h5", "dense HDF5, h5py", 2, True, dense_h5(dense, files.dense_events)),
    ]
    if files.larcv is None:
        return ways
    sites = _sites(stack.enter_context(ShardReader(files.larcv)))
    file = stack.enter_context(h5py.File(files.larcv))
    pool = stack.enter_context(ThreadPoolExecutor(THREADS))
    largest = int(sites.plane_sites(np.arange(len(sites))).max())
    max_voxels = max(MAX_VOXELS, largest)

    def queue(form: Literal["sparse", "dense"], room: int, path: Path = files.larcv) -> LarcvQueue:
        made = LarcvQueue(path, planes=sites.num_planes, batch=BATCH, max_voxels=room, form=form)
        return stack.enter_context(made)

    with one_core():
        sparse_queue, tight_queue = queue("sparse", max_voxels), queue("sparse", largest)
        dense_queue = queue("dense", max_voxels)
    return [
        Way("larcv_sparse", f"larcv queueio, sparse, MaxVoxels {max_voxels}", 5, True, sparse_queue.measure),
        Way("larcv_tight", f"the same, MaxVoxels {largest}: nothing to spare", 5, True, tight_queue.measure),
        Way("larcv_dense", "larcv queueio, dense", 2, True, dense_queue.measure),
        Way("h5py", "h5py, event by event", 5, True, h5py_events(file)),
        Way("untouched", "ours, untouched larcv file", 10, True, ours(sites, slab)),
        Way("one_thread", "ours, untouched, one thread, not held to a core", 25, False, ours(sites, slab)),
        Way("two_threads", "ours, untouched, two threads on two cores", 25, False, in_threads(sites, slab, pool)),
        *ways,
    ]


def make_slab(sites: SiteReader, batches: Batches) -> Columns:
    """Room for the largest of some batches."""
    num = max(int(sites.num_sites[batch].sum()) for batch in batches)
    ids: NDArray[Any] = np.empty(num, id_type(sites.shape))
    return Columns(ids, np.empty(num, np.float32), np.empty(num, np.uint8))


def _sites(reader: ShardReader) -> SiteReader:
    return SiteReader(reader, image=IMAGE, label=LABEL)


def ours(sites: SiteReader, slab: Columns) -> Callable[[Batches], Timing]:
    """Our reader, a batch at a time into one slab."""

    def read(batches: Batches) -> None:
        for batch in batches:
            sites.read(batch, slab)

    return lambda batches: timed(lambda: read(batches))


def first_read(path: Path, slab: Columns) -> Callable[[Batches], Timing]:
    """Our reader, opened anew, so that it checks every site and every checksum."""

    def measure(batches: Batches) -> Timing:
        with ShardReader(path) as reader:
            return ours(_sites(reader), slab)(batches)

    return measure


def in_threads(sites: SiteReader, slab: Columns, pool: ThreadPoolExecutor) -> Callable[[Batches], Timing]:
    """Our reader, each batch cut as the loader cuts it."""

    def read(batches: Batches) -> None:
        for batch in batches:
            nums = sites.num_sites[batch]
            starts = np.cumsum(nums) - nums
            pieces = even_pieces(nums, THREADS)
            jobs = [pool.submit(sites.read, batch[piece], slab, at=int(starts[piece.start])) for piece in pieces]
            for job in jobs:
                job.result()

    return lambda batches: timed(lambda: read(batches))


def byte_copy(reader: ShardReader, batches: Batches) -> Callable[[Batches], Timing]:
    """Copies of the bytes of each event's rows, from the map of a contiguous file to a slab: as fast as it can be."""
    mapped = np.memmap(reader.path, np.uint8, "r")
    spans: list[list[slice]] = [[] for _ in range(len(reader))]
    for product in map(reader.product, (IMAGE, LABEL)):
        starts = product.layout.offset + product.event_rows * product.layout.dtype.itemsize
        for event, (low, high) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
            spans[event].append(slice(low, high))
    num_bytes = max(sum(span.stop - span.start for event in batch for span in spans[event]) for batch in batches)
    slab = np.empty(num_bytes, np.uint8)

    def read(batches: Batches) -> None:
        for batch in batches:
            at = 0
            for event in batch:
                for span in spans[event]:
                    end = at + span.stop - span.start
                    slab[at:end] = mapped[span]
                    at = end

    return lambda batches: timed(lambda: read(batches))


def h5py_events(file: h5py.File) -> Callable[[Batches], Timing]:
    """What one writes first: for every event its extents, then the voxels of every projection."""

    def read(batches: Batches) -> None:
        for batch in batches:
            for event in batch:
                for group in (file[f"Data/{product}_group"] for product in (IMAGE, LABEL)):
                    first, num = group["extents"][event]
                    for low, count, _ in group["voxel_extents"][first : first + num]:
                        voxels = group["voxels"][low : low + count]
                        voxels["id"].astype(np.uint32), voxels["value"].astype(np.float32)

    return lambda batches: timed(lambda: read(batches))


def dense_h5(file: h5py.File, events: NDArray[np.int64]) -> Callable[[Batches], Timing]:
    """Every pixel of images and labels, from a file that holds some of the events."""
    rows = {int(event): row for row, event in enumerate(events)}
    slabs = {name: np.zeros((BATCH, *file[name].shape[1:]), file[name].dtype) for name in (IMAGE, LABEL)}

    def read(batches: Batches) -> None:
        for batch in batches:
            for place, event in enumerate(batch):
                for name, slab in slabs.items():
                    file[name].read_direct(slab, np.s_[rows[event]], np.s_[place])

    return lambda batches: timed(lambda: read(batches))
