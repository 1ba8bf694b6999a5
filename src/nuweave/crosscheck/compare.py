"""Do larcv and we find the same in a file, bit for bit? In both directions: it reads our files, we read its files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.crosscheck.child import LarcvFault, larcv_reads, larcv_writes
from nuweave.crosscheck.content import LEVELS, Content, left_out, products_of, read_content
from nuweave.store import ShardReader
from nuweave.store.schema import product_kind

SHAPE_UNKNOWN = 2  # larcv's kShapeUnknown, the shape of every particle that is made in Python


@dataclass(frozen=True)
class Difference:
    """One thing in which larcv and we disagree."""

    path: Path
    product: str | None
    event: int | None
    what: str

    def __str__(self) -> str:
        place = [self.product] if self.product else []
        place += [f"event {self.event}"] if self.event is not None else []
        return ": ".join([str(self.path), *([", ".join(place)] if place else []), self.what])


@dataclass(frozen=True)
class Comparison:
    """What was compared, over all products of a file, and what came of it.

    Attributes:
        path: the file.
        events, images, voxels, clusters, particles: how many our reader finds.
        without_images: sparse products of events that have no image. larcv returns the images of the event before them,
            a fault of its own; here it is known by a mark and taken for none.
        left_out: products of kinds that are not compared.
        differences: none where larcv and we agree on every bit.
    """

    path: Path
    events: int
    images: int
    voxels: int
    clusters: int
    particles: int
    without_images: int
    left_out: tuple[str, ...]
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        line = (
            f"{self.path}: {self.events} events, {self.images} images, {self.voxels} voxels, {self.clusters} clusters, "
            f"{self.particles} particles; differences: {len(self.differences)}"
        )
        if self.without_images:
            line += f"; no images: {self.without_images} (there larcv repeats the event before, a fault of its own)"
        return line + (f"; not compared: {', '.join(self.left_out)}" if self.left_out else "")


def check(path: Path) -> Comparison:
    """Compare what larcv reads from a file with what we read from it.

    Raises:
        UserError: there is no environment with larcv.
        StoreError: we cannot read the file.
    """
    with ShardReader(path) as reader:
        ours, others = read_content(reader), left_out(reader)
    try:
        differences = tuple(compare(path, ours, larcv_reads(path)))
    except LarcvFault as fault:
        differences = (Difference(path, fault.product, fault.event, fault.what),)
    return _comparison(path, ours, others, differences)


def roundtrip(path: Path) -> Comparison:
    """Read a file, let larcv write what was read, read that and compare; errors as `check`.

    larcv numbers the particles of an event and the clusters of an image from 0, gives every particle an unknown shape,
    and repeats the images of the event before where an event has none: particles are compared with what it must make
    of them, the others differ where they cannot be written.
    """
    with ShardReader(path) as reader:
        ours, others = read_content(reader), left_out(reader)
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory, "larcv.h5")
        try:
            larcv_writes(ours, written)
            with ShardReader(written) as reader:
                differences = tuple(compare(path, _particles_as_larcv_writes(ours), read_content(reader)))
        except LarcvFault as fault:
            differences = (Difference(path, fault.product, fault.event, fault.what),)
    return _comparison(path, ours, others, differences)


def compare(path: Path, ours: Content, theirs: Content) -> Iterator[Difference]:
    """The differences of two contents: ours and larcv's.

    Yields:
        one an event, product and column; below a count that differs nothing more is compared in that product.
    """
    num, other = len(ours["event_id"]), len(theirs["event_id"])
    if num != other:
        yield Difference(path, None, None, f"{num} events here, {other} by larcv")
        return
    yield from _unequal(path, None, "event_id", np.arange(num), ours["event_id"], theirs["event_id"])
    for product in sorted(products_of(ours) ^ products_of(theirs)):
        yield Difference(path, product, None, f"only {'we' if product in products_of(ours) else 'larcv'} can find it")
    for product in sorted(products_of(ours) & products_of(theirs)):
        yield from _compare_product(path, product, num, ours, theirs)


def _compare_product(path: Path, product: str, num_events: int, ours: Content, theirs: Content) -> Iterator[Difference]:
    event = np.arange(num_events)
    for count, columns in LEVELS[product_kind(product)]:
        num, other = ours[f"{product}/{count}"], theirs[f"{product}/{count}"]
        yield from _unequal(path, product, count, event, num, other)
        if not np.array_equal(num, other):
            return
        event = np.repeat(event, num)
        for column in columns:
            name = f"{product}/{column}"
            yield from _unequal(path, product, column, event, ours[name], theirs[name])


def _unequal(
    path: Path, product: str | None, column: str, event: NDArray[np.int64], ours: NDArray[Any], theirs: NDArray[Any]
) -> Iterator[Difference]:
    """One difference for each event that has rows of unequal bits; `event` is the event of each row."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        yield Difference(
            path,
            product,
            None,
            f"{column} is {ours.dtype}{list(ours.shape)} here, {theirs.dtype}{list(theirs.shape)} by larcv",
        )
        return
    rows = np.flatnonzero((_bytes(ours) != _bytes(theirs)).any(axis=1))
    for at in np.unique(event[rows]).tolist():
        where = rows[event[rows] == at]
        first, total = where[0], np.count_nonzero(event == at)
        what = f"{column} of {len(where)} of {total} differs, first {ours[first].tolist()} here, "
        yield Difference(path, product, at, what + f"{theirs[first].tolist()} by larcv")


def _bytes(column: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8[rows, bytes a row]."""
    width = column.dtype.itemsize * int(np.prod(column.shape[1:]))
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), width)


def _particles_as_larcv_writes(content: Content) -> Content:
    """Particles numbered from 0 in each event, all of unknown shape."""
    changed = dict(content)
    for product in products_of(content):
        if product_kind(product) == "particle":
            num = content[f"{product}/num_particles"]
            first = np.repeat(np.cumsum(num) - num, num)
            changed[f"{product}/id"] = (np.arange(num.sum()) - first).astype(content[f"{product}/id"].dtype)
            changed[f"{product}/shape"] = np.full_like(content[f"{product}/shape"], SHAPE_UNKNOWN)
    return changed


def _comparison(
    path: Path, content: Content, others: tuple[str, ...], differences: tuple[Difference, ...]
) -> Comparison:
    def total(column: str) -> int:
        return sum(int(content[name].sum()) for name in content if name.endswith(f"/{column}"))

    sparse = [product for product in products_of(content) if product_kind(product) == "sparse"]
    return Comparison(
        path=path,
        events=len(content["event_id"]),
        images=total("num_images"),
        voxels=total("num_voxels"),
        clusters=total("num_clusters"),
        particles=total("num_particles"),
        without_images=sum(int((content[f"{product}/num_images"] == 0).sum()) for product in sparse),
        left_out=others,
        differences=differences,
    )
