"""`nuweave bench convert`: how fast each adapter reads real files, and what ranks gain on one file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from nuweave.bench.record import Record, Row, make_record, row_with_target
from nuweave.bench.stopwatch import one_core
from nuweave.config import Config
from nuweave.config.simulate import SimulateConfig
from nuweave.convert.event import Deposits, Event
from nuweave.convert.inspect import find_format
from nuweave.convert.sources import open_source
from nuweave.physics.detectors import get_detector
from nuweave.simulate import simulate_file
from nuweave.store import StoreError

RANKS = (1, 2)
PACKAGES = ("numpy", "h5py", "numba", "uproot", "mpi4py")


@dataclass(frozen=True)
class Reading:
    """How long one file took to open and to read whole, each time [s], and what is in it.

    Attributes:
        adapter: that read it.
        num_events: in the file.
        num_items: deposits or stored sites in all of them.
        num_bytes: of the file.
        seconds: of each time.
    """

    adapter: str
    num_events: int
    num_items: int
    num_bytes: int
    seconds: list[float]


def run_convert(*, files: Sequence[str], num_events: int, repeats: int, command: str) -> Record:
    """Read the files, and convert simulated events with one rank and with two, in turn.

    Args:
        files: simulations of any format; FILE:VOLUME for one volume of several.
        num_events: of `sbnd` to simulate for the ranks.
        repeats: how often each is measured.
        command: that repeats this run.
    """
    with one_core():
        readings = {Path(file).name: read_often(file, repeats) for file in files}
    with tempfile.TemporaryDirectory(prefix="nuweave-bench-") as name:
        by_ranks = convert_often(Path(name), num_events, repeats)
    rows = [_reading_row(name, reading) for name, reading in readings.items()]
    measurements = {"readings": {name: vars(one) for name, one in readings.items() if isinstance(one, Reading)}}
    return make_record(
        command,
        [*rows, *_rank_rows(by_ranks, num_events)],
        measurements | {"seconds of convert by ranks": by_ranks},
        packages=PACKAGES,
        notes=["Files lie in the page cache; reading is on one core and makes the events, deposits and truth."],
    )


def read_often(file: str, repeats: int) -> Reading | str:
    """Read all events of FILE or FILE:VOLUME several times, after once for the cache; or why it cannot be read."""
    name, _, volume = file.partition(":")
    path = Path(name)
    try:
        adapter = find_format(path)
        times, events = [], list[Event]()
        for _ in range(1 + repeats):
            start = time.perf_counter()
            with closing(open_source(adapter, path, volume=volume or None)) as source:
                events = [source.event(entry) for entry in range(len(source))]
            times.append(time.perf_counter() - start)
        return Reading(adapter, len(events), sum(map(_num_items, events)), path.stat().st_size, times[1:])
    except StoreError as error:
        return str(error)


def convert_often(folder: Path, num_events: int, repeats: int) -> dict[int, list[float]]:
    """Seconds of `nuweave convert` on a file of simulated events, start-up included, by number of ranks."""
    settings = Config(simulate=SimulateConfig(events_per_file=num_events))
    source, config = folder / "raw.h5", folder / "config.yaml"
    simulate_file(source, settings=settings.simulate, detector=get_detector(settings.detector), seed=1, file=0)
    config.write_text(yaml.safe_dump({"detector": settings.detector}))
    seconds: dict[int, list[float]] = {ranks: [] for ranks in RANKS}
    for repeat in range(1 + repeats):
        for ranks in RANKS:
            launch = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)]
            convert = ["-m", "nuweave.cli", "convert", str(source), str(folder / "a.h5"), "--config", str(config)]
            start = time.perf_counter()
            subprocess.run([*launch, sys.executable, *convert, "--run", "0"], check=True, capture_output=True)
            if repeat > 0:  # the first time fills caches
                seconds[ranks].append(time.perf_counter() - start)
    return seconds


def _num_items(event: Event) -> int:
    content = event.content
    return len(content) if isinstance(content, Deposits) else sum(len(image.ids) for image in content.values)


def _reading_row(name: str, reading: Reading | str) -> Row:
    if isinstance(reading, str):
        return Row(f"reading {name}", None, "events/s", note=reading.split("; ")[0].split(": ", 1)[-1])
    seconds = median(reading.seconds)
    note = f"{reading.adapter}, {reading.num_items / seconds:,.0f} deposits or sites a second, {_megabytes(reading)} MB"
    return Row(f"reading {name}", reading.num_events / seconds, "events/s", note=note)


def _megabytes(reading: Reading) -> str:
    return f"{reading.num_bytes / 1e6:.2g}"


def _rank_rows(seconds: dict[int, list[float]], num_events: int) -> list[Row]:
    one, two = (median(seconds[ranks]) for ranks in RANKS)
    return [
        Row("converting SBND events, 1 rank, start-up included", num_events / one, "events/s"),
        Row("the same file, 2 ranks", num_events / two, "events/s"),
        row_with_target("2 ranks / 1 rank", one / two, "x", ">= 1.4", "of a file on two cores"),
    ]
