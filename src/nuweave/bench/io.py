"""`nuweave bench io`: how fast events come from larcv's files and from ours, beside larcv itself and a copy of bytes.

All ways read the same random order of events from files in the page cache, in turn within each repetition, so that
what disturbs the machine disturbs all of them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from contextlib import ExitStack, nullcontext
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nuweave.bench.io_files import IMAGE, Files, make_files, make_large, replicate, simulate_source
from nuweave.bench.io_memory import Growth, measure_growth
from nuweave.bench.io_rows import Measured, make_rows
from nuweave.bench.io_ways import BATCH, open_ways
from nuweave.bench.record import Record, make_record
from nuweave.bench.stopwatch import Batches, Timing, one_core
from nuweave.config import UserError
from nuweave.crosscheck import child
from nuweave.store import ShardReader

SEED = 1
DENSE_EVENTS = 2 * BATCH  # the dense file holds no more: one event takes 40 MB of memory and a tenth of a second
LARGE_BYTES = 2 * 10**9
SPARE_BYTES = 4 * 10**9  # of the disk that are left free
PACKAGES = ("numpy", "h5py", "numba", "deflate")


def run_io(
    *, source: Path | None, num_events: int, repeats: int, command: str, large_bytes: int = LARGE_BYTES
) -> Record:
    """Make the files in a temporary directory, and measure.

    Args:
        source: larcv3 file of events to replicate; None to simulate them.
        num_events: to make of them.
        repeats: how often each way is measured.
        command: that repeats this run.
        large_bytes: size of the file over which a reader's memory is measured; less where the disk is full.
    Raises:
        UserError: too few events, or the source cannot be used.
    """
    if num_events < DENSE_EVENTS:
        raise UserError(f"--events {num_events}: is too few for two batches; give {DENSE_EVENTS} or more")
    load = os.getloadavg()[0]
    without_larcv = _why_no_larcv()
    order = np.random.default_rng(SEED).permutation(num_events)
    with tempfile.TemporaryDirectory(prefix="nuweave-bench-") as name:
        folder = Path(name)
        events = folder / "events.h5"
        replicate(source or simulate_source(folder, seed=SEED), events, num_events=num_events, seed=SEED)
        files = make_files(events, folder, with_larcv=without_larcv is None, dense_events=np.sort(order[:DENSE_EVENTS]))
        measured = measure_ways(files, _batches(order), repeats=repeats)
        growth = _growth(files.repacked, folder / "large.h5", large_bytes)
        sizes = _bytes_per_event(files, num_events)
        with ShardReader(files.repacked) as reader:
            sites = float(reader.num_voxels(IMAGE).mean())
    origin = "simulated SBND events" if source is None else source.name
    notes = [
        f"{num_events} events of {sites:,.0f} sites on average, replicated from {origin}; load before: {load:.2f}."
    ]
    if without_larcv is not None:
        notes.append(f"Rows with larcv and its own file are left out: {without_larcv}.")
    measurements = {
        "source": origin,
        "events": num_events,
        "sites_per_event": sites,
        "batch": BATCH,
        "load_before": load,
        "ways": {name: one.raw() for name, one in measured.items()},
        "bytes_per_event": sizes,
        "memory": growth._asdict(),
    }
    return make_record(command, make_rows(measured, sizes, growth), measurements, packages=PACKAGES, notes=notes)


def measure_ways(files: Files, batches: Batches, *, repeats: int) -> dict[str, Measured]:
    """Time every way, in turn, `repeats` times after once that is not counted: it fills caches and compiles."""
    timings: defaultdict[str, list[Timing]] = defaultdict(list)
    with ExitStack() as stack:
        ways = open_ways(files, stack, batches)
        for repeat in range(repeats + 1):
            for way in ways:
                chosen = list(islice(cycle(batches), way.num_batches))
                with one_core() if way.on_one_core else nullcontext():
                    timing = way.measure(chosen)
                if repeat:
                    timings[way.name].append(timing)
    return {way.name: Measured(way.what, way.num_batches * BATCH, timings[way.name]) for way in ways}


def _batches(order: NDArray[np.int64]) -> Batches:
    """Batches of BATCH events each; what is left over is not read."""
    return order[: len(order) // BATCH * BATCH].reshape(-1, BATCH).tolist()


def _why_no_larcv() -> str | None:
    """What is missing; None where larcv is there."""
    try:
        child.larcv_python()
    except UserError as missing:
        return str(missing)
    return None


def _growth(repacked: Path, large: Path, num_bytes: int) -> Growth:
    """Memory of a reader over a large file, which is removed again."""
    room = shutil.disk_usage(large.parent).free - SPARE_BYTES
    make_large(repacked, large, num_bytes=max(1, min(num_bytes, room)))
    with ShardReader(large) as reader:
        order = np.random.default_rng(SEED).permutation(len(reader))
    growth = measure_growth(large, _batches(order))
    large.unlink()
    return growth


def _bytes_per_event(files: Files, num_events: int) -> dict[str, float]:
    """Size of each form, its checksums not counted."""
    forms = {"larcv's own": (files.larcv, num_events), "repacked": (files.repacked, num_events)}
    forms |= {"archive": (files.archive, num_events), "dense": (files.dense, len(files.dense_events))}
    return {form: path.stat().st_size / num for form, (path, num) in forms.items() if path is not None}
