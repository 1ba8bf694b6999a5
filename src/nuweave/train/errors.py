"""What stops a training with one line for the user."""

from __future__ import annotations

from typing import ClassVar

from nuweave.config import UserError


class TrainError(UserError):
    """A training that cannot start or go on; the message says what, where and the remedy."""


class OverfitError(TrainError):
    """A network that could not learn a handful of events by heart."""


class RunTakenError(TrainError):
    """Another process trains in this run directory."""

    exit_status: ClassVar[int] = 75  # EX_TEMPFAIL: try again later


class NonFiniteLossError(TrainError):
    """A loss or a gradient that is not a number, on every rank at once, before the weights of that step moved.

    Attributes:
        step: optimiser steps done before.
        event_ids: run, subrun and event of the batches that gave it.
    """

    def __init__(self, step: int, what: str, event_ids: list[list[int]]) -> None:
        super().__init__(
            f"step {step + 1}: the {what} is not finite; the weights were left as they were and the events are in "
            "nonfinite.json; look at their values, or lower train.learning_rate"
        )
        self.step = step
        self.event_ids = event_ids
