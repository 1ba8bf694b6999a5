"""Several tasks on one network: they see the same sites, and what each says of itself gets its name in front.

Source: CosmicTagger 2.1 trains sites, vertex and event class together.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from nuweave.config.tasks import SeveralConfig
from nuweave.loader import SparseBatch
from nuweave.models import Logits, Outputs
from nuweave.tasks.protocol import Task, mean_loss


class Several:
    """The sum of the losses, each times its weight; the first task says how good a model is."""

    def __init__(self, config: SeveralConfig, parts: Mapping[str, Task]) -> None:
        """`parts` are the tasks of `config` by name."""
        self.config = config
        self.parts = parts
        self._first = next(iter(parts.values()))

    @property
    def primary_metric(self) -> str:
        """That of the first task."""
        return f"{next(iter(self.parts))}/{self._first.primary_metric}"

    @property
    def outputs(self) -> Outputs:
        """What any of the tasks needs; no two of a kind, so that nothing is asked for twice."""
        asked = [part.outputs for part in self.parts.values()]
        return Outputs(
            site_classes=max(one.site_classes for one in asked),
            event_classes={head: num for one in asked for head, num in one.event_classes.items()},
            anchors=next((one.anchors for one in asked if one.anchors is not None), None),
        )

    def prepare(self, batch: SparseBatch) -> SparseBatch:
        """The batch with the sites that the network sees, the same for all tasks."""
        return self._first.prepare(batch)

    def forward(self, network: nn.Module, batch: SparseBatch) -> Logits:
        """Logits of all tasks for a prepared batch."""
        return self._first.forward(network, batch)

    def loss_weights(self, batch: SparseBatch) -> Tensor:
        """The weights of all tasks, one task after the other. Errors as those of each task."""
        return torch.cat([part.loss_weights(batch) for part in self.parts.values()])

    def loss_sums(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """The sums of all tasks, one task after the other. Errors as those of each task."""
        sums = {name: part.loss_sums(logits, batch) for name, part in self.parts.items()}
        return torch.cat([self.config.weights.get(name, 1.0) * sums_T for name, sums_T in sums.items()])

    def loss(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """The scalar mean loss of this batch; errors as `loss_sums`."""
        return mean_loss(self.loss_sums(logits, batch), self.loss_weights(batch))

    def counts(self, logits: Logits, batch: SparseBatch) -> dict[str, Tensor]:
        """`{name}/` in front of what each task counts. Errors as `loss_sums`."""
        return {
            f"{name}/{key}": table
            for name, part in self.parts.items()
            for key, table in part.counts(logits, batch).items()
        }

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """`{name}/` in front of each metric of a task."""
        metrics: dict[str, float] = {}
        for name, part in self.parts.items():
            own = {key.removeprefix(f"{name}/"): table for key, table in counts.items() if key.startswith(f"{name}/")}
            metrics |= {f"{name}/{key}": value for key, value in part.metrics(own).items()}
        return metrics

    def predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event: the columns of all tasks, which are of different kinds and so of different names."""
        tables = [part.predictions(logits, batch) for part in self.parts.values()]
        joined = pd.concat(tables, axis=1)
        return joined.loc[:, ~joined.columns.duplicated()]  # run, subrun and event once

    def site_predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row a site that the network saw, as the segmentation has it where there is one."""
        tells_sites = [part for part in self.parts.values() if part.outputs.site_classes]
        return next(iter(tells_sites), self._first).site_predictions(logits, batch)
