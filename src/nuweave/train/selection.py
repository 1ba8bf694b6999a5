"""Which validation was the best, and whether more training is of use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nuweave.config.train import SelectionConfig
from nuweave.train.errors import TrainError


@dataclass(frozen=True)
class Best:
    """The best validation so far.

    Attributes:
        metric: that was watched.
        value: of it.
        step: optimiser steps done before it.
        num_since: validations after it.
    """

    metric: str
    value: float
    step: int
    num_since: int = 0


def updated(best: Best | None, metrics: Mapping[str, float], step: int, settings: SelectionConfig) -> Best:
    """The best after one more validation.

    Args:
        best: before; None where there was none.
        metrics: of the validation; one that its events do not define is left out.
        step: optimiser steps done before it.
        settings: which metric, and how much better is better.
    Raises:
        TrainError: the first validation does not have the metric.
    """
    before = best if best is not None and best.metric == settings.metric else None
    value = metrics.get(settings.metric)
    if before is not None and (value is None or not is_better(value, before.value, settings)):
        return replace(before, num_since=before.num_since + 1)
    if value is None:
        raise TrainError(
            f"train.selection.metric={settings.metric}: the validation does not give it; "
            f"choose one of {', '.join(metrics)}"
        )
    return Best(settings.metric, value, step)


def is_better(value: float, before: float, settings: SelectionConfig) -> bool:
    """Lower for the loss, larger for every other metric, by more than min_change."""
    gain = before - value if settings.metric == "loss" else value - before
    return gain > settings.min_change


def is_enough(best: Best | None, settings: SelectionConfig) -> bool:
    """Whether as many validations as `patience` brought nothing better."""
    return best is not None and settings.patience is not None and best.num_since >= settings.patience
