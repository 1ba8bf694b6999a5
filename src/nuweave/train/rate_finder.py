"""The learning-rate finder: a short training whose rate grows at every step until the loss goes up (1506.01186)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nuweave.config import ModelConfig
from nuweave.loader import EventDataset, make_sampler
from nuweave.store import write_aside
from nuweave.tasks import in_file, make_task
from nuweave.train.alone import train_alone
from nuweave.train.distributed import one_process
from nuweave.train.errors import NonFiniteLossError, TrainError
from nuweave.train.stream import open_stream

SMOOTHING = 0.9  # share of the running mean that stays at each step
SETTLED = 10  # first steps, 1 / (1 - SMOOTHING), whose mean follows single batches too closely to count
DIVERGED = 4.0  # loss over the lowest one at which nothing more can be learnt
BELOW_LOWEST = 10.0  # rate of the lowest loss over the suggested one

End = Literal["all steps", "diverged", "not finite"]


@dataclass(frozen=True)
class RateResult:
    """The suggestion, and the loss at every rate behind it.

    Attributes:
        model: name of the model.
        suggested: peak learning rate.
        lowest: rate of the lowest smoothed loss.
        steepest: rate at which the smoothed loss fell fastest.
        end: what ended the training.
        rates: of the steps, each a constant factor above the one before.
        losses: of the batches, each before its step.
        smoothed_losses: their running mean.
    """

    model: str
    suggested: float
    lowest: float
    steepest: float
    end: End
    rates: list[float]
    losses: list[float]
    smoothed_losses: list[float]


def find_rate(
    *,
    name: str,
    model: ModelConfig,
    seed: int,
    train_path: Path,
    out: Path,
    num_steps: int,
    lowest: float,
    highest: float,
) -> RateResult:
    """Train with a growing rate, in this process alone, and suggest a peak for the schedule.

    Args:
        name: of the model.
        model: its settings; the schedule is not used.
        seed: of weights and order.
        train_path: packed training events.
        out: gets the result as JSON.
        num_steps: from the lowest to the highest rate.
        lowest: first rate.
        highest: last rate, if the loss stays low so long.
    Raises:
        TrainError: the rates do not grow, or the loss never fell.
    """
    if not 0 < lowest < highest:
        raise TrainError(f"--lowest {lowest:g} --highest {highest:g}: rates must be above 0 and grow; try 1e-6 and 1")
    rates: list[float] = np.geomspace(lowest, highest, num_steps).tolist()
    with in_file(train_path):
        losses, end = _train_through(rates, model, seed=seed, dataset=EventDataset(train_path))
    result = judge(name, rates, losses, end)
    with write_aside(out) as part:
        part.write_text(json.dumps(asdict(result)) + "\n")
    return result


def judge(name: str, rates: list[float], losses: list[float], end: End) -> RateResult:
    """What the losses, perhaps fewer than the rates, say.

    Raises:
        TrainError: they never fell.
    """
    smoothed = smooth(losses)
    settled_rates, settled = rates[SETTLED:], smoothed[SETTLED:]
    lowest = int(np.argmin(settled)) if settled else 0
    if lowest == 0:
        raise TrainError(
            f"find-rate of {name}: the loss never fell in {len(losses)} steps from rate {rates[0]:g} (end: {end}), the "
            f"first {SETTLED} do not count; lower --lowest, raise --steps, or look at the labels"
        )
    steepest = int(np.argmin(np.gradient(settled[: lowest + 1])))
    return RateResult(
        model=name,
        suggested=settled_rates[lowest] / BELOW_LOWEST,
        lowest=settled_rates[lowest],
        steepest=settled_rates[steepest],
        end=end,
        rates=rates[: len(losses)],
        losses=losses,
        smoothed_losses=smoothed,
    )


def smooth(losses: list[float]) -> list[float]:
    """Running mean with exponentially falling weights that sum to 1 from the first loss on."""
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


def as_text(result: RateResult) -> str:
    """A line for every tenth part of the steps, and the suggestion."""
    rows = list(zip(result.rates, result.losses, result.smoothed_losses, strict=True))
    shown = [*rows[:: max(1, len(rows) // 10)], rows[-1]]
    return "\n".join(
        [
            "     rate        loss  smoothed loss",
            *(f"{rate:9.2e}  {loss:10.4g}  {smoothed:13.4g}" for rate, loss, smoothed in shown),
            f"{result.model}: try train.learning_rate: {result.suggested:.2g} "
            f"(lowest loss at {result.lowest:.2g}, steepest descent at {result.steepest:.2g}; end: {result.end})",
        ]
    )


def _train_through(
    rates: list[float], model: ModelConfig, *, seed: int, dataset: EventDataset
) -> tuple[list[float], End]:
    """The loss before each step, and why there is no other."""
    settings, losses = model.train, list[float]()
    sampler = make_sampler(dataset, settings.loader, seed=seed, global_batch=settings.global_batch)
    with open_stream(dataset, sampler, task=make_task(model.task), settings=settings, ranks=one_process()) as stream:
        steps = train_alone(
            model, seed=seed, dataset=dataset, batches=stream, num_steps=len(rates), rate=lambda step: rates[step]
        )
        try:
            for done in steps:
                losses.append(done.loss)
                settled = smooth(losses)[SETTLED:]
                if settled and settled[-1] > DIVERGED * min(settled):
                    return losses, "diverged"
        except NonFiniteLossError:
            return losses, "not finite"
    return losses, "all steps"
