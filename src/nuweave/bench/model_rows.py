"""From what `bench model` measured to its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from nuweave.bench.model_gpu import Rate
from nuweave.bench.model_memory import Peak
from nuweave.bench.record import Row, row_with_target
from nuweave.bench.stopwatch import Timing

SAME_BATCHES = (1, 2, 4)  # as in the talk that the targets of a GPU are from
RATIOS = (  # figure, whose time, in relation to whose, target
    ("dense U-ResNet, forward: plain torch / ours", "plain_forward", "ours_forward", ">= 1"),
    ("dense U-ResNet, forward and backward: plain torch / ours", "plain_both", "ours_both", ">= 1"),
    ("the same, forward: plain torch / ours in bfloat16", "plain_forward", "bfloat16_forward", ">= 1.6"),
    ("the same, forward and backward: plain torch / ours in bfloat16", "plain_both", "bfloat16_both", ">= 1.6"),
    ("U-ResNet at full size, forward and backward: dense / sparse", "dense", "sparse", ">= 15"),
    ("6 submanifold layers: ours / plain passes over the same pairs", "ours_layers", "plain_layers", "<= 1.5"),
    ("the same on one thread", "ours_layers_1", "plain_layers_1", None),
)
LOW_PRECISION = "bfloat16"


@dataclass(frozen=True)
class Measured:
    """What the figures are made from.

    Attributes:
        timings: way -> its times.
        memory: side -> peak of training.
        rates: layout -> rates of training on a GPU; None where there is none.
    """

    timings: Mapping[str, Sequence[Timing]]
    memory: Mapping[str, Peak]
    rates: Mapping[str, Sequence[Rate]] | None


def make_rows(measured: Measured, *, has_bfloat16: bool) -> list[Row]:
    """The figures.

    Args:
        measured: what they are made from.
        has_bfloat16: whether the processor multiplies in it; without, figures in it have no target.
    """
    rows = []
    for figure, one, other, target in RATIOS:
        bound = target if has_bfloat16 or not other.startswith(LOW_PRECISION) else None
        rows.append(_ratio(figure, measured.timings[one], measured.timings[other], bound))
    return [*rows, *_memory_rows(measured.memory), *_gpu_rows(measured.rates)]


def _ratio(figure: str, one: Sequence[Timing], other: Sequence[Timing], target: str | None) -> Row:
    """How many times as long one takes, round by round."""
    value = median(mine.wall_s / yours.wall_s for mine, yours in zip(one, other, strict=True))
    note = f"{_duration(one)} / {_duration(other)}"
    return Row(figure, value, "x", note=note) if target is None else row_with_target(figure, value, "x", target, note)


def _duration(timings: Sequence[Timing]) -> str:
    seconds = median(timing.wall_s for timing in timings)
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _memory_rows(memory: Mapping[str, Peak]) -> list[Row]:
    """What training takes, and what it takes beside the parameters, which are the same on all sides."""
    sparse, dense, plain = (memory[side].grown_bytes for side in ("sparse", "dense", "plain"))
    held = memory["sparse"].held_bytes
    given = [memory[f"{side}_given_back"].grown_bytes for side in ("dense", "sparse")]
    figure = "U-ResNet at full size, peak memory of training: dense / sparse"
    return [
        row_with_target(figure, dense / sparse, "x", ">= 20", _megabytes(dense, sparse)),
        Row("the same, where glibc gives back what is freed", given[0] / given[1], "x", note=_megabytes(*given)),
        Row("the same: plain torch / sparse", plain / sparse, "x", note=_megabytes(plain, sparse)),
        Row(
            "dense / sparse without parameters, gradients and states of AdamW",
            (dense - held) / (sparse - held),
            "x",
            note=f"{_megabytes(dense - held, sparse - held)}; {_megabytes(held)} are left out",
        ),
    ]


def _gpu_rows(rates: Mapping[str, Sequence[Rate]] | None) -> list[Row]:
    """Events a second at the same batch, mean of the ratios, and each at its best."""
    same = "GPU, events a second of training at batches 1, 2, 4: sparse / dense"
    best = "the same, each at its best batch"
    if rates is None:
        return [row_with_target(same, None, "x", ">= 18"), row_with_target(best, None, "x", ">= 58")]
    dense, sparse = ({rate.batch: rate for rate in rates[layout]} for layout in ("dense", "sparse"))
    common = [batch for batch in SAME_BATCHES if batch in dense and batch in sparse]
    ratio = fmean(sparse[batch].events_per_s / dense[batch].events_per_s for batch in common)
    fastest = [max(side.values(), key=lambda rate: rate.events_per_s) for side in (sparse, dense)]
    return [
        row_with_target(
            same, ratio, "x", ">= 18", "; ".join(f"{_rate(sparse[batch])} / {_rate(dense[batch])}" for batch in common)
        ),
        row_with_target(
            best,
            fastest[0].events_per_s / fastest[1].events_per_s,
            "x",
            ">= 58",
            f"{_rate(fastest[0])} / {_rate(fastest[1])}",
        ),
    ]


def _rate(rate: Rate) -> str:
    return f"batch {rate.batch}: {rate.events_per_s:.3g} events/s, {_megabytes(rate.peak_bytes)}"


def _megabytes(*sizes: int) -> str:
    return " / ".join(f"{num_bytes / 1e6:,.0f} MB" for num_bytes in sizes)
