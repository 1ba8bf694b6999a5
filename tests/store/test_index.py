"""Where every event lies is known from tables that agree with each other."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from nuweave.store.cache import open_index
from tests.store import samples
from tests.store.samples import CLUSTER, IMAGE, PARTICLE, SETTINGS, SITES


def test_rows_of_events_follow_from_counts_through_all_levels(tmp_path: Path) -> None:
    index = open_index(samples.write(tmp_path / "a.h5"))
    sites = [sum(counts) for counts in SITES]
    assert np.diff(index.products[IMAGE].event_rows).tolist() == sites
    assert np.diff(index.products[CLUSTER].event_rows).tolist() == sites
    assert np.diff(index.products[PARTICLE].event_rows).tolist() == [0, 1, 2, 3, 0]
    assert index.products[IMAGE].num_images.tolist() == [2, 2, 0, 2, 2]
    assert [starts.tolist() for starts in index.products[CLUSTER].starts[:2]] == [
        [0, 2, 4, 4, 6, 8],
        [0, 2, 4, 6, 8, 10, 12, 14, 16],
    ]


def test_the_digest_is_of_the_content_and_not_of_the_way_it_is_stored(tmp_path: Path) -> None:
    source = samples.write(tmp_path / "a.h5")
    digests = {open_index(source).digest}
    for name, settings in SETTINGS.items():
        path = samples.rewrite(source, tmp_path / f"{name}.h5", columns=settings, tables=settings)
        digests |= {open_index(path).digest}
    assert len(digests) == 1
    with h5py.File(source, "r+") as file:
        metas = file[f"Data/{IMAGE}_group/image_meta"]
        rows = metas[:]
        rows["origin"][3] = (1.0, 0.0)
        metas[:] = rows
    assert open_index(source).digest not in digests
