"""How much memory of its own a reader takes, in a process that does nothing else."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from nuweave.bench.io_files import IMAGE, LABEL
from nuweave.bench.io_ways import make_slab
from nuweave.store import ShardReader, SiteReader


class Growth(NamedTuple):
    """Memory while all events of a file were read.

    Attributes:
        file_bytes: size of the file.
        slab_bytes: size of the only slab that they were read into.
        grown_bytes: most that the process's own memory grew. Mapped pages of the file are not counted: they are the
            page cache, which the kernel takes back when it likes.
    """

    file_bytes: int
    slab_bytes: int
    grown_bytes: int


def measure_growth(path: Path, batches: list[list[int]]) -> Growth:
    """Read batches of a repacked file in a new process, every site checked and every checksum verified."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_read_all, path, batches).result()


def _read_all(path: Path, batches: list[list[int]]) -> Growth:
    with ShardReader(path) as reader:
        sites = SiteReader(reader, image=IMAGE, label=LABEL)
        sites.read(batches[0][:1], make_slab(sites, [batches[0][:1]]))  # compiles
        before = _own_bytes()
        slab = make_slab(sites, batches)
        most = before
        for batch in batches:
            sites.read(batch, slab)
            most = max(most, _own_bytes())
    slab_bytes = slab.ids.nbytes + slab.values.nbytes + slab.labels.nbytes
    return Growth(path.stat().st_size, slab_bytes, most - before)


def _own_bytes() -> int:
    """Memory of this process that is no page of a file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
