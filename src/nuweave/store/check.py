"""Everything that can be wrong with a larcv3 file, found by reading all of it, an event at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.truth import SemanticLabel
from nuweave.store.cache import open_index
from nuweave.store.columns import Column, ColumnError, open_column
from nuweave.store.files import AGAIN, DamagedEventError, Fault, StoreError, file_state
from nuweave.store.index import FileIndex, ProductIndex
from nuweave.store.kernels import BAD_LABEL, DIFFERENT_SITES, DISORDER, MEANING, NOT_FINITE, OUTSIDE
from nuweave.store.reader import ShardReader
from nuweave.store.scan import scan
from nuweave.store.schema import product_kind
from nuweave.store.sums import Verifier, read_sums, sums_path

NUM_CLASSES = 3
LABELS = ("label", "seg", "semantic")  # ends of names of products whose values are classes
SIGNATURE = b"\x89HDF\r\n\x1a\n"
# version of a superblock -> where its width of an address stands, and where its addresses begin; the end is the third
SUPERBLOCKS = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}


def check_file(path: Path, *, num_classes: int = NUM_CLASSES) -> Iterator[Fault]:
    """Find all faults of a file; one does not hide the next, and one event is in memory at a time.

    Args:
        path: the file.
        num_classes: labels (sparse products whose name ends in label or seg) are whole numbers below it; those that end
            in semantic are SemanticLabels.
    """
    if path.is_file():
        size, end = path.stat().st_size, _stored_end(path)
        if end is not None and size < end:
            yield Fault(path, f"is truncated: it ends at byte {size}, was written up to byte {end}", AGAIN)
            return
        if end is not None and size > end:
            yield Fault(path, f"has {size - end} bytes after its end at byte {end}", AGAIN)
    try:
        index, faults = scan(path)
        yield from faults
        yield from _row_faults(index, num_classes)
        if not faults:  # else it is not the file that was hashed, and that has been said
            yield from _checksum_faults(path)
    except StoreError as error:
        what, _, remedy = str(error).removeprefix(f"{path}: ").partition("; ")
        yield Fault(path, what, remedy)


def describe(path: Path) -> str:
    """What a file without faults holds."""
    index = open_index(path)
    voxels = sum(product.layout.rows for product in index.products.values() if product.column == "voxels")
    sums = "verified" if sums_path(path).is_file() else "none"
    return f"{len(index.event_ids)} events, {len(index.products)} products, {voxels} voxels, checksums {sums}"


def _stored_end(path: Path) -> int | None:
    """The end of an HDF5 file as its superblock has it [byte]; None where there is no superblock."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(64)
            if head.startswith(SIGNATURE) and len(head) == 64 and head[8] in SUPERBLOCKS:
                width_at, first = SUPERBLOCKS[head[8]]
                start = first + 2 * head[width_at]
                return int.from_bytes(head[start : start + head[width_at]], "little")
            at = max(512, 2 * at)
    return None


def _row_faults(index: FileIndex, num_classes: int) -> Iterator[Fault]:
    """Read the rows of every event."""
    path = index.path
    columns: dict[str, Column] = {}
    with path.open("rb") as stored:
        for name, product in index.products.items():
            dataset = f"Data/{name}_group/{product.column}"
            try:
                columns[name] = open_column(path, dataset, stored.fileno(), product.layout)
            except ColumnError as error:
                yield Fault(path, f"cannot be read ({error})", error.remedy, name)
        for event in range(len(index.event_ids)):
            if file_state(path) != index.state:
                raise StoreError(f"{path}: was changed or replaced while it was checked; check it again")
            rows = {}
            for name, column in columns.items():
                low, high = index.products[name].event_rows[event : event + 2]
                try:
                    rows[name] = column.read(int(low), int(high))
                except ColumnError as error:
                    yield Fault(path, f"cannot be read ({error})", error.remedy, name, event)
            yield from event_faults(index, event, rows, num_classes=num_classes)


def _checksum_faults(path: Path) -> Iterator[Fault]:
    """Compare every block with its checksum, where the file has checksums."""
    with ShardReader(path, verify=False) as reader:
        sums = read_sums(reader.index)
        if sums is None:
            return
        verifier = Verifier(reader.index, sums, reader.rows)
        for product in reader.products:
            for event in sums.blocks[:-1].tolist():
                try:
                    verifier.require(product, event)
                except DamagedEventError as error:
                    yield error.fault
                except StoreError:
                    continue  # its rows cannot be read, which the event itself has said


def event_faults(
    index: FileIndex, event: int, rows: Mapping[str, NDArray[Any]], *, num_classes: int | None = None
) -> Iterator[Fault]:
    """Everything that is wrong with the rows of one event. Particles are what their source says, and not looked at.

    Args:
        index: of the file.
        event: position in the file.
        rows: product -> the rows of this event, of as many products as could be read.
        num_classes: labels are whole numbers below it; None does not look at them.
    """
    for name, found in rows.items():
        product, is_sparse = index.products[name], name.startswith("sparse")
        if product.column == "voxels":
            for code in _site_faults(product, event, found["id"], is_ordered=is_sparse):
                yield Fault(index.path, MEANING[code], AGAIN, name, event)
        if product_kind(name) != "particle" and not _is_finite(found):
            yield Fault(index.path, MEANING[NOT_FINITE], AGAIN, name, event)
        if not (is_sparse and name.endswith(LABELS)):
            continue
        below = len(SemanticLabel) if num_classes is not None and name.endswith("semantic") else num_classes
        if below is not None and not np.isin(found["value"], np.arange(below)).all():
            what = f"{MEANING[BAD_LABEL]} from 0 to {below - 1}"
            yield Fault(index.path, what, "convert it again, or check it with its number of classes", name, event)
        image = f"{name.rpartition('_')[0]}_image"
        if image in rows and not _have_same_sites(index, image, name, event, rows):
            yield Fault(index.path, MEANING[DIFFERENT_SITES], "convert it again", name, event)


def _site_faults(product: ProductIndex, event: int, ids: NDArray[Any], *, is_ordered: bool) -> Iterator[int]:
    """The meanings of what is wrong with the site ids of one event."""
    metas, edges = _images(product, event)
    num_ids = metas["number_of_voxels"].prod(axis=1)
    if np.any(ids >= np.repeat(num_ids, np.diff(edges))):
        yield OUTSIDE
    falls = np.concatenate([[False], ids[1:] <= ids[:-1], [False]])
    falls[edges] = False  # each image begins anew
    if is_ordered and falls.any():
        yield DISORDER


def _is_finite(rows: NDArray[Any]) -> bool:
    """Whether all floating numbers of some rows, compound or plain, are finite."""
    fields = [rows] if rows.dtype.names is None else [rows[name] for name in rows.dtype.names]
    return all(field.dtype.kind != "f" or bool(np.isfinite(field).all()) for field in fields)


def _have_same_sites(index: FileIndex, image: str, label: str, event: int, rows: Mapping[str, NDArray[Any]]) -> bool:
    """Whether two sparse products have the same projections with the same sites in one event."""
    metas, edges = _images(index.products[image], event)
    other_metas, other_edges = _images(index.products[label], event)
    return (
        np.array_equal(edges, other_edges)
        and all(np.array_equal(metas[key], other_metas[key]) for key in ("projection_id", "number_of_voxels"))
        and np.array_equal(rows[image]["id"], rows[label]["id"])
    )


def _images(product: ProductIndex, event: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Rows of image_meta of one event, and int64[images + 1]: where each image begins in the event's voxels."""
    first, last = product.starts[0][event : event + 2]
    edges = np.arange(first, last + 1)
    for starts in product.starts[1:]:
        edges = starts[edges]
    return product.tables["image_meta"][first:last], edges - edges[0]
