"""Training: loop, engines, schedule, checkpoints, start-up of ranks, the overfit check, the rate finder."""

from nuweave.train.errors import NonFiniteLossError, OverfitError, TrainError
from nuweave.train.failure import errors_of_ranks, leave_together
from nuweave.train.overfit import OverfitResult, run_overfit
from nuweave.train.rate_finder import RateResult, find_rate
from nuweave.train.run import run_training

__all__ = [
    "NonFiniteLossError",
    "OverfitError",
    "OverfitResult",
    "RateResult",
    "TrainError",
    "errors_of_ranks",
    "find_rate",
    "leave_together",
    "run_overfit",
    "run_training",
]
