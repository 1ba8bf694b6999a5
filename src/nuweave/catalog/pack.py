"""One file a part: compact, contiguous, shuffled once, and still the larcv3 layout."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nuweave.catalog.products import image_and_label
from nuweave.catalog.split import SplitError
from nuweave.store import ShardReader, ShardWriter, StoreError, require_same_sites
from nuweave.store.schema import COMPACT_LABEL, COMPACT_VOXEL

MAX_SITES = 2**32


def pack_part(events: pd.DataFrame, out: Path, *, seed: int, shuffle: bool = True) -> None:
    """Copy events into one file that the loader can map.

    Voxels of image and label lie contiguous, with 32-bit ids. One event is in memory at a time.

    Args:
        events: columns shard (path) and entry.
        out: the file to make.
        seed: of the shuffle.
        shuffle: shuffle the events once; False keeps the order of the rows.
    Raises:
        SplitError: no events.
        StoreError: shards differ in products or shape, an image and its label disagree, images are too large for 32-bit
            ids, or a product is of an unknown kind.
    """
    if events.empty:
        raise SplitError(f"{out}: no events to pack; give the part a share of the events")
    order = np.arange(len(events))
    if shuffle:
        order = np.random.Generator(np.random.Philox(seed)).permutation(order)
    shards, entries = events["shard"].to_numpy(str), events["entry"].to_numpy(np.int64)
    with ExitStack() as stack:
        readers = {shard: stack.enter_context(ShardReader(Path(shard))) for shard in dict.fromkeys(shards)}
        image, label = _require_alike(list(readers.values()))
        types = {image: COMPACT_VOXEL} if label is None else {image: COMPACT_VOXEL, label: COMPACT_LABEL}
        totals = dict.fromkeys(types, 0)
        for shard, reader in readers.items():
            for product in types:
                totals[product] += int(reader.num_voxels(product)[entries[shards == shard]].sum())
        with ShardWriter(out, voxel_types=types, totals=totals) as writer:
            for row in order:
                _copy_event(readers[shards[row]], int(entries[row]), writer, image, label)


def _require_alike(readers: list[ShardReader]) -> tuple[str, str | None]:
    """Names of the image and label products; all shards must have the same products and shapes."""
    first = readers[0]
    image, label = image_and_label(first)
    shape, _ = first.geometry(image)
    if np.prod(shape, dtype=object) > MAX_SITES:
        raise StoreError(f"{first.path}: {shape} has more sites than 32-bit ids can number; down-sample more")
    for reader in readers[1:]:
        differ = sorted(set(reader.products) ^ set(first.products))
        if differ:
            raise StoreError(
                f"{first.path} and {reader.path} differ in products: only one of them has {', '.join(differ)}; "
                "convert all sources with the same settings"
            )
        if reader.geometry(image) != first.geometry(image):
            raise StoreError(
                f"{first.path} and {reader.path} differ in the shape or number of their images; "
                "convert all sources with the same detector and down-sampling"
            )
    return image, label


def _copy_event(reader: ShardReader, event: int, writer: ShardWriter, image: str, label: str | None) -> None:
    sparse: dict[str, Any] = {}
    clusters: dict[str, Any] = {}
    particles: dict[str, Any] = {}
    for product in reader.products:
        if product.startswith("sparse"):
            sparse[product] = reader.sparse(product, event)
        elif product.startswith("cluster"):
            clusters[product] = reader.clusters(product, event)
        elif product.startswith("particle"):
            particles[product] = reader.particles(product, event)
        else:
            raise StoreError(
                f"{reader.path}: cannot pack {product}; only sparse, cluster and particle products are copied"
            )
    if label is not None:
        require_same_sites(reader.path, event, sparse[image], sparse[label])
    writer.append(reader.event_id(event), sparse=sparse, clusters=clusters, particles=particles)
