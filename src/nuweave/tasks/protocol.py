"""What every task can do.

Shape letters: T terms of a loss (heads), N sites, B events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pandas as pd
import torch
from torch import Tensor, nn

from nuweave.config import UserError
from nuweave.config.tasks import TaskConfig
from nuweave.loader import SparseBatch
from nuweave.models import Logits, Outputs


class TaskError(UserError):
    """Events that lack what the task needs; the message says what, and the remedy."""


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """While inside, a TaskError names the file that the events come from."""
    try:
        yield
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None


def mean_loss(sums_T: Tensor, weights_T: Tensor) -> Tensor:
    """The scalar loss: each sum over its weight, terms added; a term of weight 0 adds 0.

    Sums and weights add up over batches and ranks, so that a mean over all of them can be learned from each alone.
    """
    return (sums_T / torch.where(weights_T > 0, weights_T, 1.0).to(sums_T.dtype)).sum()


class Task(Protocol):
    """A task. `logits` are what `forward` returned for the same batch."""

    @property
    def config(self) -> TaskConfig:
        """The settings that made it."""

    @property
    def primary_metric(self) -> str:
        """Name of the metric that says how good a model is; larger is better."""

    @property
    def outputs(self) -> Outputs:
        """What this task needs of a network."""

    def prepare(self, batch: SparseBatch) -> SparseBatch:
        """The batch with the sites that the network sees."""

    def forward(self, network: nn.Module, batch: SparseBatch) -> Logits:
        """The network's logits for a prepared batch."""

    def loss_weights(self, batch: SparseBatch) -> Tensor:
        """float64[T] without gradient, what each term of the loss is divided by: of the truth alone, so it is known
        before the network runs; 0 where a term has nothing to learn from. Raises TaskError where the truth is missing.
        """

    def loss_sums(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """float32[T] with gradient, the weighted sum of each term. Raises TaskError where the truth is missing."""

    def loss(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """The scalar mean loss of this batch alone."""

    def counts(self, logits: Logits, batch: SparseBatch) -> dict[str, Tensor]:
        """float64 sums that add up over batches and ranks, on the CPU."""

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """Metrics of summed counts; one that the events do not define is left out."""

    def predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event; columns of a truth that the file lacks are left out."""

    def site_predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row a site that the network saw."""
