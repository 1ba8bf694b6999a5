"""The learning rate as a pure function of the step: torch's schedulers, asked in any order, with no state to save."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, CyclicLR, LinearLR, LRScheduler, OneCycleLR, SequentialLR

from nuweave.config.optimizer import CosineConfig, CyclicConfig, OneCycleConfig
from nuweave.config.train import OverfitConfig, TrainConfig

OVERFIT_WARMUP_STEPS = 10


def make_schedule(settings: TrainConfig) -> Callable[[int], float]:
    """The learning rate of each step, 0 to max_steps - 1; steps that were asked for once are remembered."""
    throwaway = torch.optim.SGD([torch.zeros(1)], lr=settings.learning_rate)
    scheduler = _make_scheduler(throwaway, settings)
    throwaway.step()  # torch warns of a scheduler that steps before its optimiser
    rates: array[float] = array("d", [throwaway.param_groups[0]["lr"]])

    def rate(step: int) -> float:
        while len(rates) <= step:
            scheduler.step()
            rates.append(throwaway.param_groups[0]["lr"])
        return rates[step]

    return rate


def overfit_rate(step: int, settings: OverfitConfig) -> float:
    """Constant after a short rise."""
    return settings.learning_rate * min(1.0, (step + 1) / OVERFIT_WARMUP_STEPS)


def _make_scheduler(optimizer: torch.optim.Optimizer, settings: TrainConfig) -> LRScheduler:
    config, peak, max_steps = settings.schedule, settings.learning_rate, settings.max_steps
    match config.kind:
        case "cosine":
            return _cosine(optimizer, config, peak, max_steps)
        case "constant":
            return _rise(optimizer, round(config.warmup_fraction * max_steps))
        case "one_cycle":
            return _one_cycle(optimizer, config, peak, max_steps)
        case "cyclic":
            return _cyclic(optimizer, config, peak)


def _rise(optimizer: torch.optim.Optimizer, num_steps: int) -> LRScheduler:
    """1 / num_steps of the peak at the first step, all of it at the last and ever after."""
    return LinearLR(optimizer, start_factor=1 / max(1, num_steps), total_iters=max(0, num_steps - 1))


def _cosine(optimizer: torch.optim.Optimizer, config: CosineConfig, peak: float, max_steps: int) -> LRScheduler:
    """The fall begins at the peak and would reach its lowest one step after the last."""
    num_rising = round(config.warmup_fraction * max_steps)
    rise = _rise(optimizer, num_rising)
    fall = CosineAnnealingLR(optimizer, max(1, max_steps - num_rising), eta_min=config.final_fraction * peak)
    return SequentialLR(optimizer, [rise, fall], milestones=[num_rising])


def _one_cycle(optimizer: torch.optim.Optimizer, config: OneCycleConfig, peak: float, max_steps: int) -> LRScheduler:
    """A cycle has two rising steps at least, its start and its peak."""
    max_steps = max(2, max_steps)
    num_rising = max(2.0, config.warmup_fraction * max_steps)
    return OneCycleLR(
        optimizer,
        max_lr=peak,
        total_steps=max_steps,
        pct_start=num_rising / max_steps,
        div_factor=config.start_divisor,
        final_div_factor=config.final_divisor,
        cycle_momentum=False,
    )


def _cyclic(optimizer: torch.optim.Optimizer, config: CyclicConfig, peak: float) -> LRScheduler:
    return CyclicLR(
        optimizer,
        base_lr=config.lowest_fraction * peak,
        max_lr=peak,
        step_size_up=config.half_cycle_steps,
        mode="exp_range",
        gamma=config.decay,
        cycle_momentum=False,
    )
