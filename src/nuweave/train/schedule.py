"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from nuweave.config.train import OverfitConfig, TrainConfig

OVERFIT_WARMUP_STEPS = 10


def training_rate(step: int, settings: TrainConfig) -> float:
    """A linear rise to the peak, then a cosine down to nearly 0 at the last step.

    Args:
        step: optimiser steps done before, 0 to max_steps - 1.
        settings: peak, number of steps, share of steps with a rising rate.
    """
    warmup = round(settings.warmup_fraction * settings.max_steps)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / (settings.max_steps - warmup)
    return settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def overfit_rate(step: int, settings: OverfitConfig) -> float:
    """Constant after a short rise."""
    return settings.learning_rate * min(1.0, (step + 1) / OVERFIT_WARMUP_STEPS)
