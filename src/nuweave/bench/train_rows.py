"""From what `bench train` measured to its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from nuweave.bench.record import Row, row_with_target
from nuweave.bench.scaling_rows import fitted_rows
from nuweave.bench.train_cases import EVENT_ID, LARGE, TAGGER, gpu_groups, model_of, two_rank_groups
from nuweave.bench.train_ranks import Found
from nuweave.bench.train_ways import Step

RATES = (  # group, what its cases differ in
    ("engine", "engine {}"),
    ("engine, event_id", "event_id, engine {}"),
    ("engine, a21", "A21, engine {}"),
    ("events", "events {} while training"),
    ("batch", "batch {} a rank"),
    ("precision", "{}"),
    ("accumulate", "4 events a rank, accumulate: {}"),
    ("recompute", "recompute: {}"),
)


@dataclass(frozen=True)
class Measured:
    """What the figures are made from.

    Attributes:
        one: of one rank: steps with one event each, and checkpoints.
        two: of two ranks: groups of cases, checkpoints, sums.
        scaling: the same cases on one rank, and on two; a pair a round.
        starts: engine -> seconds until the first step is done, on two ranks.
        event_sites: sites of every event.
        gpu: of one rank on a GPU; None where there is none.
    """

    one: Found
    two: Found
    scaling: Sequence[tuple[Found, Found]]
    starts: Mapping[str, Sequence[float]]
    event_sites: Sequence[int]
    gpu: Found | None


def make_rows(measured: Measured) -> list[Row]:
    """Figures with targets first."""
    return [
        *_waiting_rows(measured.two),
        *_engine_rows(measured.two),
        *_scaling_rows(measured.scaling),
        *_save_rows(measured),
        *_start_rows(measured.starts),
        *_rate_rows(measured.two),
        *_exchange_rows(measured.two),
        *_model_rows(measured),
        *_gpu_rows(measured.gpu),
    ]


def _waiting_rows(two: Found) -> list[Row]:
    """Of all steps together: one long wait counts as much as many short ones."""
    rows = []
    for network in (TAGGER, EVENT_ID):
        steps = two.steps[f"waiting, {network}"]["demo"]
        share = sum(step["wait"] for step in steps) / sum(step["seconds"] for step in steps)
        note = f"{_duration(_median(steps, 'wait'))} of {_duration(_median(steps))}"
        rows.append(
            row_with_target(
                f"waiting for data, {network} of the demo, packed file", share, "of a step", "<= 0.05", note
            )
        )
    return rows


def _engine_rows(two: Found) -> list[Row]:
    figure = "step with DeepSpeed ZeRO-1 / torch DDP, 2 ranks, {}"
    rows = []
    for name, group in ((TAGGER, "engine"), (EVENT_ID, "engine, event_id"), (LARGE, "engine, a21")):
        value, note = _ratio(two.steps[group]["ZeRO 1"], two.steps[group]["torch"])
        rows.append(row_with_target(figure.format(name), value, "x", "<= 1.15", note))
    return rows


def _scaling_rows(rounds: Sequence[tuple[Found, Found]]) -> list[Row]:
    """A round is a run on one rank and one on two; the figure is the median over rounds."""

    def faster(case: str) -> tuple[float, str]:
        pairs = [(_median(one.steps["scaling"][case]), _median(two.steps["scaling"][case])) for one, two in rounds]
        ones, twos = zip(*pairs, strict=True)
        return median(one / two for one, two in pairs), f"{_duration(median(ones))} / {_duration(median(twos))}"

    value, note = faster("weak")
    rows = [row_with_target("weak scaling, 1 -> 2 ranks, the same events on each", value, "x", ">= 0.85", note)]
    for figure, case in (
        ("the same with DeepSpeed ZeRO-1", "weak, ZeRO 1"),
        ("the same, each rank its own events: all wait for the larger ones", "weak, own events"),
    ):
        value, note = faster(case)
        rows.append(Row(figure, value, "x", note=note))
    value, note = faster("strong")
    return [*rows, Row("strong scaling, 1 -> 2 ranks, 4 events in all: speed-up / 2", value / 2, "x", note=note)]


def _save_rows(measured: Measured) -> list[Row]:
    rows = []
    for found, how in ((measured.one, "torch, 1 rank"), (measured.two, "ZeRO-1, 2 ranks")):
        (seconds,) = found.saves.values()
        figure = f"checkpoint of the network of 18.4 M parameters, pause of training, {how}"
        rows.append(row_with_target(figure, median(seconds), "s", "<= 1", f"longest {_duration(max(seconds))}"))
    return rows


def _start_rows(starts: Mapping[str, Sequence[float]]) -> list[Row]:
    return [
        row_with_target(
            f"`mpiexec -n 2 nuweave train` to the end of the first step, {engine}",
            median(seconds),
            "s",
            "<= 15",
            f"longest {_duration(max(seconds))}",
        )
        for engine, seconds in starts.items()
    ]


def _rate_rows(two: Found) -> list[Row]:
    """Events a second over both ranks."""
    groups = two_rank_groups()
    rows = []
    for group, what in RATES:
        for case in groups[group]:
            steps = two.steps[group][case.name]
            rate = model_of(case, num_ranks=2).train.global_batch / _median(steps)
            rows.append(
                Row(f"2 ranks, {what.format(case.name)}", rate, "events/s", note=f"{_duration(_median(steps))} a step")
            )
    return rows


def _exchange_rows(two: Found) -> list[Row]:
    """What a step saves without it: torch runs the exchange beside the backward pass."""
    rows = []
    for group, name in (("exchange", TAGGER), ("exchange, a21", LARGE)):
        value, note = _ratio(two.steps[group]["false"], two.steps[group]["true"])
        figure = f"sum of gradients over 2 ranks, {name}, torch DDP"
        rows.append(Row(figure, 1 - value, "of a step", note=f"without / with: {note}"))
    return rows


def _model_rows(measured: Measured) -> list[Row]:
    return fitted_rows(
        sums={int(size): median(seconds) for size, seconds in measured.two.sums.items()},
        one_event=[(step["sites"], step["seconds"]) for step in measured.one.steps["one event"]["torch"]],
        event_sites=measured.event_sites,
        steps={
            case: [
                median(_median(found.steps["scaling"][case]) for found in side)
                for side in zip(*measured.scaling, strict=True)
            ]
            for case in ("weak", "weak, own events")
        },
    )


def _gpu_rows(gpu: Found | None) -> list[Row]:
    rows = []
    for group, (case,) in gpu_groups().items():
        figure = f"{group}: A21 with ZeRO 1"
        if gpu is None:
            rows.append(Row(figure, None, "events/s"))
            continue
        steps = gpu.steps[group][case.name]
        rate = model_of(case, num_ranks=1).train.global_batch / _median(steps)
        rows.append(Row(figure, rate, "events/s", note=f"{gpu.peak_bytes[group] / 1e9:.3g} GB"))
    return rows


def _ratio(one: Sequence[Step], other: Sequence[Step]) -> tuple[float, str]:
    """How many times as long one takes, step by step, and how long."""
    value = median(mine["seconds"] / yours["seconds"] for mine, yours in zip(one, other, strict=True))
    return value, f"{_duration(_median(one))} / {_duration(_median(other))}"


def _median(steps: Sequence[Step], what: str = "seconds") -> float:
    return median(step[what] for step in steps)


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
