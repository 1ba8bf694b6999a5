"""One file a part: compact, contiguous, shuffled once, and still the larcv3 layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from nuweave.catalog.products import image_and_label
from nuweave.catalog.split import SplitError
from nuweave.store import ShardReader
from nuweave.store.repack import repack, shuffled


def pack_part(events: pd.DataFrame, out: Path, *, seed: int, shuffle: bool = True) -> None:
    """Copy events into one file that the loader can map, with its checksums beside it.

    Args:
        events: columns shard (path) and entry.
        out: the file to make.
        seed: of the shuffle.
        shuffle: shuffle the events once; False keeps the order of the rows.
    Raises:
        SplitError: no events.
        StoreError: a shard has no image, cannot be read, or differs from the others in products or shape; or an event
            is damaged, or its image and label disagree.
    """
    if events.empty:
        raise SplitError(f"{out}: no events to pack; give the part a share of the events")
    numbers, names = pd.factorize(events["shard"])
    shards = [Path(name) for name in names]
    with ShardReader(shards[0]) as reader:
        image_and_label(reader)
    picks = np.column_stack([numbers, events["entry"].to_numpy(np.int64)])
    repack(shards, shuffled(picks, seed=seed) if shuffle else picks, out, layout="contiguous")
