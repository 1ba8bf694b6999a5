"""Name the interaction of an event and count its particles: one softmax a head.

Shape letters: B events, K classes, N events that have a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.config.tasks import EventClassificationConfig, Head
from nuweave.loader import SparseBatch
from nuweave.models import Logits, Outputs
from nuweave.physics.truth import HEAD_CLASSES, SiteLabel
from nuweave.tasks.balance import even_sums, even_weights, focal_weights
from nuweave.tasks.class_metrics import NO_CLASS, event_sums, metrics_of, over_heads
from nuweave.tasks.protocol import TaskError
from nuweave.tasks.ratios import defined
from nuweave.tasks.sites import SingleTask, event_frame

COSMIC_ONLY = "cosmic only"


class EventClassification(SingleTask[EventClassificationConfig]):
    """Cross entropies of the heads, added; an event counts for the heads that it has a class of."""

    primary_metric = "accuracy"

    @property
    def outputs(self) -> Outputs:
        """The classes of every head."""
        return Outputs(event_classes={head: len(names) for head, names in head_classes(self.config).items()})

    def loss_weights(self, batch: SparseBatch) -> Tensor:
        """Of each head the number of events that have a class; with class weights, what their true classes weigh.

        Balance even has a term for every class of each head.

        Raises:
            TaskError: the file has no truth for a head, or no site labels to find cosmic-only events.
        """
        return torch.cat([self._head_weights(head, self._truth(head, batch)) for head in self.config.heads])

    def _head_weights(self, head: Head, truth_B: Tensor) -> Tensor:
        truth_N = truth_B[truth_B != NO_CLASS]
        if self.config.balance == "even":
            return even_weights(truth_N, len(head_classes(self.config)[head]))
        weights = self.config.class_weights.get(head)
        if weights is None:
            return torch.tensor([len(truth_N)], dtype=torch.float64, device=truth_B.device)
        return torch.tensor(weights, device=truth_B.device)[truth_N].sum(dtype=torch.float64)[None]

    def loss_sums(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """Sum of cross entropies over the events that have a class, for each head. Errors as `loss_weights`.

        With class weights, entropies count as much as the true class weighs; label smoothing weighs each of its terms
        by the term's own class (torch's rule). Balance even has a term for every class of each head.
        """
        heads = self.config.heads
        return torch.cat(
            [self._head_sums(head, logits.heads[head].float(), self._truth(head, batch)) for head in heads]
        )

    def _head_sums(self, head: Head, logits_BK: Tensor, truth_B: Tensor) -> Tensor:
        """Of one head. A focal weight asks how probable the true class is, whatever the smoothing."""
        entropy = partial(functional.cross_entropy, label_smoothing=self.config.label_smoothing)
        if self.config.balance == "none":
            weights = self.config.class_weights.get(head)
            weight_K = None if weights is None else logits_BK.new_tensor(weights)
            return entropy(logits_BK, truth_B, weight=weight_K, ignore_index=NO_CLASS, reduction="sum")[None]
        known_B = truth_B != NO_CLASS
        logits_NK, truth_N = logits_BK[known_B], truth_B[known_B]
        entropy_N = entropy(logits_NK, truth_N, reduction="none")
        if self.config.balance == "even":
            return even_sums(entropy_N, truth_N, logits_NK.shape[1])
        weight_N = focal_weights(functional.cross_entropy(logits_NK, truth_N, reduction="none"))
        return (weight_N * entropy_N).sum()[None]

    def counts(self, logits: Logits, batch: SparseBatch) -> dict[str, Tensor]:
        """`{head}/confusion` and `{head}/calibration`, the sums of `event_sums`, float64. Errors as `loss_weights`."""
        counts: dict[str, Tensor] = {}
        for head in self.config.heads:
            prob_BK = logits.heads[head].detach().float().softmax(dim=1).cpu().double()
            sums = event_sums(self._truth(head, batch).cpu().numpy(), prob_BK.numpy())
            counts |= {f"{head}/{name}": torch.from_numpy(table.sum(axis=0)) for name, table in sums.items()}
        return counts

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """Every metric of `class_metrics`: the mean over heads that any event has a class of, then `{head}/` each."""
        sums = {
            head: {name: counts[f"{head}/{name}"].numpy() for name in ("confusion", "calibration")}
            for head in self.config.heads
        }
        joined = over_heads({head: metrics_of(one) for head, one in sums.items()})
        return defined(joined)

    def predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event: run, subrun, event, {head}_true (-1 no class; absent without truth), {head}_prob{k}."""
        columns: dict[str, object] = {}
        for head in self.config.heads:
            if head in batch.truth and (batch.labels_N is not None or not self._has_cosmic_only(head)):
                columns[f"{head}_true"] = self._truth(head, batch).cpu().numpy()
            prob_BK = logits.heads[head].float().softmax(dim=1).cpu().numpy()
            columns |= {f"{head}_prob{k}": prob_BK[:, k] for k in range(prob_BK.shape[1])}
        return event_frame(batch).join(pd.DataFrame(columns))

    def _truth(self, head: str, batch: SparseBatch) -> Tensor:
        if head not in batch.truth:
            known = ", ".join(batch.truth) or "none"
            raise TaskError(
                f"task.heads: the file has no truth for {head} (it has {known}); leave the head out, "
                "or convert a source with this truth"
            )
        if not self._has_cosmic_only(head):
            return batch.truth[head]
        if batch.labels_N is None:
            raise TaskError(
                "task.min_neutrino_sites finds cosmic-only events by their site labels, the file has none; set it to 0"
            )
        events_N = batch.events_N[batch.labels_N == SiteLabel.NEUTRINO]
        num_sites_B = torch.bincount(events_N, minlength=batch.num_events)
        cosmic_only = len(HEAD_CLASSES[head])
        return torch.where(num_sites_B < self.config.min_neutrino_sites, cosmic_only, batch.truth[head])

    def _has_cosmic_only(self, head: str) -> bool:
        return COSMIC_ONLY in head_classes(self.config)[head]


def head_classes(config: EventClassificationConfig) -> dict[str, tuple[str, ...]]:
    """Names of the classes of every head; the neutrino head has one more where cosmic-only events are asked for."""
    classes: dict[str, tuple[str, ...]] = {head: HEAD_CLASSES[head] for head in config.heads}
    if config.min_neutrino_sites > 0:
        classes["neutrino"] = (*classes["neutrino"], COSMIC_ONLY)
    return classes
