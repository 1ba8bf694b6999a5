"""The files that `bench io` reads: the same events as larcv writes them, repacked, and as dense images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from nuweave.config.convert import ConvertConfig
from nuweave.config.simulate import SimulateConfig
from nuweave.convert import convert_file
from nuweave.convert.event import Images
from nuweave.convert.sources import open_source
from nuweave.crosscheck import read_content
from nuweave.crosscheck.child import larcv_writes
from nuweave.physics.detectors import get_detector
from nuweave.simulate import simulate_file
from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage, StoreError
from nuweave.store.repack import every_event, repack

IMAGE, LABEL = "sparse2d_image", "sparse2d_label"
DETECTOR = "sbnd"
SIMULATED_EVENTS = 10
JITTER = 0.1  # values are changed by up to this part of them, so that no two events deflate alike


@dataclass(frozen=True)
class Files:
    """The same events, stored in four ways.

    Attributes:
        larcv: written by larcv itself; None where there is no larcv.
        repacked: contiguous.
        archive: shuffled and deflated.
        dense: `dense_events` of them with every pixel stored.
        dense_events: int64[D], ascending.
    """

    larcv: Path | None
    repacked: Path
    archive: Path
    dense: Path
    dense_events: NDArray[np.int64]


def simulate_source(folder: Path, *, seed: int) -> Path:
    """A shard of simulated SBND events at full resolution, default rates."""
    detector = get_detector(DETECTOR)
    raw, shard = folder / "raw.h5", folder / "source.h5"
    settings = SimulateConfig(events_per_file=SIMULATED_EVENTS)
    simulate_file(raw, settings=settings, detector=detector, seed=seed, file=0)
    convert_file(raw, shard, settings=ConvertConfig(downsample=1), detector=detector, run=0)
    return shard


def replicate(source: Path, out: Path, *, num_events: int, seed: int) -> None:
    """Write many events made from few: images shifted around by random amounts, values changed a little.

    Args:
        source: larcv3 file with images and labels of sites in two dimensions.
        out: shard to make, with IMAGE and LABEL.
        num_events: to write.
        seed: of shifts and values.
    Raises:
        StoreError: the source has no such images.
    """
    opened = open_source("larcv3", source)
    contents = [opened.event(entry).content for entry in range(len(opened))]
    rng = np.random.default_rng(seed)
    with ShardWriter(out) as writer:
        for event in range(num_events):
            images = contents[event % len(contents)]
            if not isinstance(images, Images) or images.labels is None or len(images.values[0].shape) != 2:
                raise StoreError(f"{source}: has no 2D images with labels of sites; give a file that has both")
            pairs = [_shifted(*pair, rng) for pair in zip(images.values, images.labels, strict=True)]
            sparse = {IMAGE: [image for image, _ in pairs], LABEL: [label for _, label in pairs]}
            writer.append(EventId(0, 0, event), sparse=sparse)


def _shifted(image: SparseImage, label: SparseImage, rng: np.random.Generator) -> tuple[SparseImage, SparseImage]:
    """A projection and its labels, moved around the edges of the image together."""
    coords = (image.coords + rng.integers(0, image.shape)) % image.shape
    ids = np.ravel_multi_index((coords[:, 0], coords[:, 1]), image.shape).astype(np.int64)
    order = np.argsort(ids)
    factors = rng.uniform(1 - JITTER, 1 + JITTER, len(ids))
    values = (image.values * factors).astype(np.float32)
    moved, labelled = (
        SparseImage(ids[order], column[order], image.shape, image.projection) for column in (values, label.values)
    )
    return moved, labelled


def make_files(events: Path, folder: Path, *, with_larcv: bool, dense_events: NDArray[np.int64]) -> Files:
    """Store the events of a shard in every way; larcv itself writes its own file, so that it is truly larcv's."""
    larcv = folder / "larcv.h5" if with_larcv else None
    if larcv is not None:
        with ShardReader(events) as reader:
            larcv_writes(read_content(reader), larcv)
    repacked, archive, dense = (folder / f"{name}.h5" for name in ("repacked", "archive", "dense"))
    picks = every_event([events])
    repack([events], picks, repacked, layout="contiguous")
    repack([events], picks, archive, layout="archive")
    write_dense(events, dense, dense_events)
    return Files(larcv, repacked, archive, dense, dense_events)


def write_dense(events: Path, out: Path, chosen: NDArray[np.int64]) -> None:
    """Write every pixel of some events, deflated as larcv does it, an image a chunk: float32 values, uint8 labels."""
    with ShardReader(events) as reader, h5py.File(out, "w") as file:
        shape, num_planes = reader.geometry(IMAGE)
        for product, dtype in ((IMAGE, np.float32), (LABEL, np.uint8)):
            dataset = file.create_dataset(
                product,
                (len(chosen), num_planes, *shape),
                dtype,
                chunks=(1, 1, *shape),
                compression="gzip",
                compression_opts=1,
            )
            for row, event in enumerate(chosen.tolist()):
                for plane, image in enumerate(reader.sparse(product, event)):
                    pixels = np.zeros(shape, dtype)
                    pixels.reshape(-1)[image.ids] = image.values
                    dataset[row, plane] = pixels


def make_large(repacked: Path, out: Path, *, num_bytes: int) -> None:
    """Repack the events of a file over and over, to a file of at least that size."""
    times = -(-num_bytes // repacked.stat().st_size)
    repack([repacked], np.tile(every_event([repacked]), (times, 1)), out, layout="contiguous")
