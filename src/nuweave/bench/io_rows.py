"""From the times of `bench io` to its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from nuweave.bench.io_memory import Growth
from nuweave.bench.record import Row, row_with_target
from nuweave.bench.stopwatch import Timing

RATIOS = (  # figure, way, in relation to which way, target
    ("ours on an untouched larcv file / larcv queueio sparse", "untouched", "larcv_sparse", ">= 4"),
    ("the same / larcv with as few MaxVoxels as lose nothing", "untouched", "larcv_tight", None),
    ("ours on a repacked file / larcv queueio sparse", "repacked", "larcv_sparse", ">= 40"),
    ("ours on a repacked file / byte copy of the same slices", "repacked", "byte_copy", ">= 0.5"),
    ("two threads / one thread, untouched file", "two_threads", "one_thread", ">= 1.6"),
)


@dataclass(frozen=True)
class Measured:
    """What one way of reading took.

    Attributes:
        what: the way, in words.
        events: read in a repetition.
        timings: of each repetition.
    """

    what: str
    events: int
    timings: Sequence[Timing]

    @property
    def rates(self) -> list[float]:
        """Events a second of each repetition."""
        return [self.events / timing.wall_s for timing in self.timings]

    @property
    def cpu_ms(self) -> float:
        """Processor time an event, median [ms]."""
        return 1e3 * median(timing.cpu_s for timing in self.timings) / self.events

    def raw(self) -> dict[str, object]:
        """The times as they are, for the record."""
        wall_s, cpu_s = zip(*self.timings, strict=True)
        return {"events": self.events, "wall_s": wall_s, "cpu_s": cpu_s}


def make_rows(measured: Mapping[str, Measured], sizes: Mapping[str, float], growth: Growth) -> list[Row]:
    """Figures with targets, then plain ones; those of a way that was not measured are left out.

    Args:
        measured: name of a way -> its times.
        sizes: form of a file -> bytes an event.
        growth: memory of a reader.
    """
    rows = [
        _ratio(figure, measured[one], measured[other], target)
        for figure, one, other, target in RATIOS
        if one in measured and other in measured
    ]
    if "larcv's own" in sizes:
        rows.append(
            row_with_target("archive / larcv's own file, size", sizes["archive"] / sizes["larcv's own"], "x", "<= 0.65")
        )
    rows.append(
        row_with_target(
            f"a reader's own memory over a file of {growth.file_bytes / 1e9:.1f} GB / its one slab",
            growth.grown_bytes / growth.slab_bytes,
            "x",
            "<= 2",
            f"grew by {growth.grown_bytes / 1e6:.1f} MB, slab {growth.slab_bytes / 1e6:.1f} MB; "
            "mapped pages are page cache and not counted",
        )
    )
    rows += [Row(way.what, median(way.rates), "events/s", note=_cpu(way)) for way in measured.values()]
    return rows + [Row(f"size, {form} file", size / 1e3, "kB/event") for form, size in sizes.items()]


def _ratio(figure: str, one: Measured, other: Measured, target: str | None) -> Row:
    """How many times as fast one way is, repetition by repetition."""
    value = median(mine / yours for mine, yours in zip(one.rates, other.rates, strict=True))
    note = f"processor time {other.cpu_ms / one.cpu_ms:.3g} x"
    return Row(figure, value, "x", note=note) if target is None else row_with_target(figure, value, "x", target, note)


def _cpu(way: Measured) -> str:
    return f"{way.cpu_ms:.3g} ms of processor an event"
