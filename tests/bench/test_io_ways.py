"""What is compared is the same work: every way of ours fills the slab with the same sites."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nuweave.bench.io_files import IMAGE, LABEL
from nuweave.bench.io_ways import first_read, in_threads, make_slab, ours
from nuweave.bench.stopwatch import Batches
from nuweave.store import Columns, DamagedEventError, ShardReader, SiteReader
from tests import mock

BATCHES: Batches = [[3, 0], [5, 1, 4]]


def filled(slab: Columns) -> list[list[float]]:
    return [slab.ids.tolist(), slab.values.tolist(), slab.labels.tolist()]


def test_two_threads_read_what_one_reads(tmp_path: Path) -> None:
    with ShardReader(mock.write_shard(tmp_path / "a.h5")) as reader, ThreadPoolExecutor(2) as pool:
        sites = SiteReader(reader, image=IMAGE, label=LABEL)
        slabs = [make_slab(sites, BATCHES) for _ in range(3)]
        assert len(slabs[0].ids) == 3 * 3 * 40
        ours(sites, slabs[0])(BATCHES)
        in_threads(sites, slabs[1], pool)(BATCHES)
        first_read(reader.path, slabs[2])(BATCHES)
        expected = np.concatenate([image.ids for event in BATCHES[-1] for image in reader.sparse(IMAGE, event)])
        assert filled(slabs[0])[0] == expected.tolist()
        assert filled(slabs[1]) == filled(slabs[2]) == filled(slabs[0])


def test_a_fault_in_a_thread_is_raised(tmp_path: Path) -> None:
    with ShardReader(mock.write_shard(tmp_path / "a.h5")) as reader, ThreadPoolExecutor(2) as pool:
        sites = SiteReader(reader, image=IMAGE, label=LABEL, num_classes=1)
        with pytest.raises(DamagedEventError, match="a label is no class"):
            in_threads(sites, make_slab(sites, BATCHES), pool)(BATCHES)
