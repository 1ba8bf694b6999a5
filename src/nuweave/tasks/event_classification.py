"""Name the interaction of an event and count its particles: one softmax a head.

Shape letters: B events, K classes predicted, L classes in truth, T heads.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from nuweave.config.models import NetworkConfig
from nuweave.config.tasks import EventClassificationConfig
from nuweave.loader import SparseBatch
from nuweave.models import EventLogits, build_network
from nuweave.physics.truth import HEAD_CLASSES
from nuweave.tasks.protocol import LossTerms, TaskError, mean_loss
from nuweave.tasks.sites import event_frame, network_input, select_sites, site_frame

NO_CLASS = -1


class EventClassification:
    """Cross entropies of the heads, added; an event counts for the heads that it has a class of."""

    primary_metric = "accuracy"

    def __init__(self, config: EventClassificationConfig) -> None:
        self.config = config

    def build_network(self, config: NetworkConfig, *, ndim: int, num_planes: int, shape: tuple[int, ...]) -> nn.Module:
        """A network with an output a class for every head."""
        num_outputs = {str(head): len(HEAD_CLASSES[head]) for head in self.config.heads}
        return build_network(config, ndim=ndim, num_planes=num_planes, shape=shape, num_outputs=num_outputs)

    def prepare(self, batch: SparseBatch) -> SparseBatch:
        """The batch with the sites that the network sees."""
        return select_sites(batch, self.config.sites)

    def forward(self, network: nn.Module, batch: SparseBatch) -> EventLogits:
        """Logits of every event of a prepared batch."""
        logits: EventLogits = network(network_input(batch))
        return logits

    def loss_terms(self, logits: EventLogits, batch: SparseBatch) -> LossTerms:
        """Sum of cross entropies over the events that have a class, and their number, for each head.

        Raises:
            TaskError: the file has no truth for a head.
        """
        sums, weights = [], []
        for head in self.config.heads:
            truth_B = self._truth(head, batch)
            sums.append(
                functional.cross_entropy(
                    logits.heads[head].float(),
                    truth_B,
                    ignore_index=NO_CLASS,
                    label_smoothing=self.config.label_smoothing,
                    reduction="sum",
                )
            )
            weights.append((truth_B != NO_CLASS).sum(dtype=torch.float64))
        return LossTerms(torch.stack(sums), torch.stack(weights))

    def loss(self, logits: EventLogits, batch: SparseBatch) -> Tensor:
        """The scalar loss of this batch, mean over events, sum over heads; errors as `loss_terms`."""
        return mean_loss(*self.loss_terms(logits, batch))

    def counts(self, logits: EventLogits, batch: SparseBatch) -> dict[str, Tensor]:
        """head -> float64[L, K], events by truth and prediction. Errors as `loss_terms`."""
        counts = {}
        for head in self.config.heads:
            truth_B, num_classes = self._truth(head, batch), len(HEAD_CLASSES[head])
            known_B = truth_B != NO_CLASS
            flat = truth_B[known_B] * num_classes + logits.heads[head].argmax(dim=1)[known_B]
            table = torch.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes)
            counts[str(head)] = table.to("cpu", torch.float64)
        return counts

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """`{head}/accuracy` for the heads that any event has a class of, and `accuracy`, their mean."""
        heads = {
            f"{head}/accuracy": float(table.trace() / table.sum()) for head, table in counts.items() if table.any()
        }
        return {"accuracy": sum(heads.values()) / len(heads), **heads} if heads else {}

    def predictions(self, logits: EventLogits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event: run, subrun, event, {head}_true (-1 no class; absent without truth), {head}_prob{k}."""
        columns: dict[str, object] = {}
        for head in self.config.heads:
            if head in batch.truth:
                columns[f"{head}_true"] = batch.truth[head].cpu().numpy()
            prob_BK = logits.heads[head].float().softmax(dim=1).cpu().numpy()
            columns |= {f"{head}_prob{k}": prob_BK[:, k] for k in range(prob_BK.shape[1])}
        return event_frame(batch).join(pd.DataFrame(columns))

    def site_predictions(self, logits: EventLogits, batch: SparseBatch) -> pd.DataFrame:  # noqa: ARG002  (sites have none)
        """A row a site that the network saw: run, subrun, event, plane, site, value, label (-1 unknown)."""
        return site_frame(batch)

    def _truth(self, head: str, batch: SparseBatch) -> Tensor:
        if head not in batch.truth:
            known = ", ".join(batch.truth) or "none"
            raise TaskError(
                f"task.heads: the file has no truth for {head} (it has {known}); leave the head out, "
                "or convert a source with this truth"
            )
        return batch.truth[head]
