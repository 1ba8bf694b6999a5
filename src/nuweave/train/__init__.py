"""Training: loop, engines, schedule, checkpoints, start-up of ranks, the overfit check."""

from nuweave.train.errors import NonFiniteLossError, OverfitError, TrainError
from nuweave.train.overfit import OverfitResult, run_overfit
from nuweave.train.run import run_training

__all__ = ["NonFiniteLossError", "OverfitError", "OverfitResult", "TrainError", "run_overfit", "run_training"]
