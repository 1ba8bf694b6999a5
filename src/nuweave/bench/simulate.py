"""`nuweave bench simulate`: events a second and core, from the seed to a shard, and where the time goes.

All ways run in turn on one processor with one thread. A rate is events over processor time, which other work on the
machine disturbs least.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from nuweave.bench.record import Record, Row, make_record, row_with_target
from nuweave.bench.simulate_ways import (
    STORED,
    Ways,
    convert,
    convert_only,
    make_samples,
    noise_ways,
    simulate,
    simulate_only,
    storage_ways,
    whole_way,
)
from nuweave.bench.stopwatch import Timing, in_turn, one_core
from nuweave.store import ShardReader

TARGET = ">= 20"
PACKAGES = ("numpy", "numba", "h5py")


@dataclass(frozen=True)
class Measured:
    """What the figures are made from.

    Attributes:
        num_events: of every sample.
        times: way -> its timings.
        sizes: file -> bytes an event.
        num_sites: stored sites of an event of SBND, as converted.
    """

    num_events: int
    times: Mapping[str, Sequence[Timing]]
    sizes: Mapping[str, float]
    num_sites: float

    def seconds(self, way: str) -> float:
        """Processor time of an event, median."""
        return median(timing.cpu_s for timing in self.times[way]) / self.num_events


def run_simulate(*, num_events: int, repeats: int, command: str) -> Record:
    """Measure in a temporary directory.

    Args:
        num_events: of each detector.
        repeats: how often each way is timed.
        command: that repeats this run.
    """
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="nuweave-bench-") as name, one_core():
        measured = measure(Path(name), num_events=num_events, repeats=repeats)
    return make_record(
        command,
        make_rows(measured),
        {
            "events": num_events,
            "load_before": load,
            "ways": {way: [timing._asdict() for timing in timings] for way, timings in measured.times.items()},
            "bytes_per_event": measured.sizes,
        },
        packages=PACKAGES,
        notes=[
            f"Events over processor time, one thread; {num_events} events a detector, medians of {repeats}. SBND as in "
            f"the demo: cosmics, response, noise and labels, {measured.num_sites:,.0f} sites stored of an event; load "
            f"before: {load:.2f}."
        ],
    )


def measure(folder: Path, *, num_events: int, repeats: int) -> Measured:
    """Time every way; files are made in `folder`."""
    samples = make_samples(folder, num_events=num_events)
    ways: dict[str, Ways] = {}
    for name, sample in samples.items():
        whole_way(sample)
        ways[name] = {
            f"{name}, whole": partial(whole_way, sample),
            f"{name}, simulate": partial(simulate, sample),
            f"{name}, convert": partial(convert, sample),
        }
    sbnd = samples["sbnd"]
    with ShardReader(sbnd.shard) as reader:
        num_sites = float(reader.num_voxels("sparse2d_image").mean())
    sizes = {"raw file": sbnd.raw.stat().st_size / num_events, "shard": sbnd.shard.stat().st_size / num_events}
    storage, paths = storage_ways(sbnd)
    times: dict[str, list[Timing]] = {}
    parts: Ways = {
        "simulate only": partial(simulate_only, sbnd),
        "convert only": convert_only(sbnd),
        "full resolution": partial(convert, sbnd, downsample=1),
    }
    for group in (*ways.values(), parts, noise_ways(sbnd), storage):
        times |= in_turn(group, repeats=repeats)
    sizes |= {f"segments, {name}": path.stat().st_size / num_events for name, path in paths.items()}
    return Measured(num_events, times, sizes, num_sites)


def make_rows(measured: Measured) -> list[Row]:
    """The figures with a target first."""
    seconds = measured.seconds
    in_memory = seconds("simulate only") + seconds("convert only")

    def rate(way: str) -> tuple[float, str, None, None, str]:
        return 1 / seconds(way), "events/s", None, None, f"{1e3 * seconds(way):.3g} ms"

    rows = [
        row_with_target(figure, 1 / second, "events/s", TARGET, f"{1e3 * second:.3g} ms")
        for figure, second in (
            ("SBND, from the seed to labelled images, in memory", in_memory),
            ("SBND, from the seed to the shard, with the raw file between", seconds("sbnd, whole")),
        )
    ]
    rows += [
        Row("SBND, simulate: to the raw file", *rate("sbnd, simulate")),
        Row("of it without the file", *rate("simulate only")),
        Row("SBND, convert: to the shard, 512 x 320 sites", *rate("sbnd, convert")),
        Row("of it response, noise, labels, down-sampling", *rate("convert only")),
        Row("SBND, convert at full resolution, 2048 x 1280 sites", *rate("full resolution")),
    ]
    files = seconds("sbnd, whole") - in_memory
    rows.append(Row("SBND, share of files and their compression", files / seconds("sbnd, whole"), "of the time"))
    for name, what in (("cube", "cube of 256 x 256 x 256 voxels"), ("nova", "NOvA, two views of 100 x 80")):
        rows += [
            Row(f"{what}, without cosmics, simulate", *rate(f"{name}, simulate")),
            Row("the same, convert", *rate(f"{name}, convert")),
        ]
    rows.append(
        Row(
            "noise drawn for every site / only where it passes the threshold",
            seconds("dense") / seconds("sparse"),
            "x",
            note=f"{1e3 * seconds('dense'):.3g} / {1e3 * seconds('sparse'):.3g} ms an event of SBND",
        )
    )
    for name in STORED:
        size = measured.sizes[f"segments, {name}"]
        rows.append(
            Row(
                f"segments written and read by h5py, {name}",
                1e3 * seconds(name),
                "ms/event",
                note=f"{size / 1e3:,.0f} kB",
            )
        )
    return rows
