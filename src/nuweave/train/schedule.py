"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from nuweave.config.train import OverfitConfig, TrainConfig

OVERFIT_WARMUP_STEPS = 10


def make_schedule(settings: TrainConfig) -> Callable[[int], float]:
    """The learning rate of each step, 0 to max_steps - 1."""

    def rate(step: int) -> float:
        warmup = round(0.1 * settings.max_steps)
        if step < warmup:
            return settings.learning_rate * (step + 1) / warmup
        progress = (step - warmup) / (settings.max_steps - warmup)
        return settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2

    return rate


def overfit_rate(step: int, settings: OverfitConfig) -> float:
    """Constant after a short rise."""
    return settings.learning_rate * min(1.0, (step + 1) / OVERFIT_WARMUP_STEPS)
