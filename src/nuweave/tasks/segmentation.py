"""Label every stored site: background, cosmic or neutrino.

Shape letters: N sites, K classes predicted, L classes in truth, P planes, B events.
Source: loss weights and metrics of CosmicTagger (2012.01301); focal loss of 1708.02002.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from nuweave.config.models import NetworkConfig
from nuweave.config.tasks import SegmentationConfig
from nuweave.loader import SparseBatch
from nuweave.models import SegmentationLogits, build_network
from nuweave.physics.truth import SiteLabel
from nuweave.tasks.protocol import LossTerms, TaskError, mean_loss
from nuweave.tasks.sites import event_frame, network_input, select_sites, site_frame

NUM_CLASSES = len(SiteLabel)
CLASS_WEIGHTS = {  # background, cosmic, neutrino
    "none": (1.0, 1.0, 1.0),
    "mild": (1.0, 1.2, 3.2),
    "light": (1.0, 1.5, 10.0),
    "focal": (1.0, 1.0, 1.0),
}
FOCAL_GAMMA = 2.0


class Segmentation:
    """Site-wise softmax. Stored sites only: the pixels that are not stored are background by construction."""

    primary_metric = "mean_iou"

    def __init__(self, config: SegmentationConfig) -> None:
        self.config = config

    def build_network(self, config: NetworkConfig, *, ndim: int, num_planes: int, shape: tuple[int, ...]) -> nn.Module:
        """A network with three outputs a site."""
        return build_network(config, ndim=ndim, num_planes=num_planes, shape=shape, num_outputs=NUM_CLASSES)

    def prepare(self, batch: SparseBatch) -> SparseBatch:
        """The batch with the sites that the network sees."""
        return select_sites(batch, self.config.sites)

    def forward(self, network: nn.Module, batch: SparseBatch) -> SegmentationLogits:
        """Logits of every site of a prepared batch."""
        logits: SegmentationLogits = network(network_input(batch))
        return logits

    def loss_terms(self, logits: SegmentationLogits, batch: SparseBatch) -> LossTerms:
        """Weighted sum of cross entropies over sites, and the sum of the weights; no sites, no weight.

        Raises:
            TaskError: the file has no site labels.
        """
        labels_N, logits_NK = _labels(batch), logits.logits_NK.float()
        entropy_N = functional.cross_entropy(logits_NK, labels_N, reduction="none")
        weight_N = logits_NK.new_tensor(CLASS_WEIGHTS[self.config.balance])[labels_N]
        if self.config.balance == "focal":
            entropy_N = (1 - torch.exp(-entropy_N)) ** FOCAL_GAMMA * entropy_N
        return LossTerms((weight_N * entropy_N).sum()[None], weight_N.sum(dtype=torch.float64)[None])

    def loss(self, logits: SegmentationLogits, batch: SparseBatch) -> Tensor:
        """The scalar mean loss of this batch; errors as `loss_terms`."""
        return mean_loss(*self.loss_terms(logits, batch))

    def counts(self, logits: SegmentationLogits, batch: SparseBatch) -> dict[str, Tensor]:
        """`confusion`: float64[P, L, K], sites by plane, truth and prediction. Errors as `loss_terms`."""
        confusion = _confusion_BPLK(logits, batch).sum(dim=0)
        return {"confusion": confusion.to("cpu", torch.float64)}

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean over planes; sites of all events are pooled. An IoU of a class that neither side has is 1."""
        confusion_PLK = counts["confusion"]
        right_PL = confusion_PLK.diagonal(dim1=1, dim2=2)
        true_PL, predicted_PK = confusion_PLK.sum(dim=2), confusion_PLK.sum(dim=1)
        union_PL = true_PL + predicted_PK - right_PL
        iou_L = torch.where(union_PL > 0, right_PL / union_PL.clamp(min=1), 1.0).mean(dim=0)
        ratios = {
            "accuracy_sites": right_PL.sum(dim=1) / true_PL.sum(dim=1),
            "nonbackground_accuracy": right_PL[:, 1:].sum(dim=1) / true_PL[:, 1:].sum(dim=1),
        }
        defined = {name: ratio_P[ratio_P.isfinite()] for name, ratio_P in ratios.items()}
        return {
            "mean_iou": float(iou_L[1:].mean()),
            **{f"{label.name.lower()}_iou": float(iou_L[label]) for label in SiteLabel if label},
            "background_iou_sites": float(iou_L[SiteLabel.BACKGROUND]),
            **{name: float(ratio_P.mean()) for name, ratio_P in defined.items() if len(ratio_P)},
        }

    def predictions(self, logits: SegmentationLogits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event: run, subrun, event, site counts plane{p}_true{t}_pred{k}; plane{p}_pred{k} without labels."""
        if batch.labels_N is None:
            flat_N = batch.images_N * NUM_CLASSES + logits.logits_NK.argmax(dim=1)
            counts = torch.bincount(flat_N, minlength=batch.num_images * NUM_CLASSES)
            names = [f"plane{plane}_pred{k}" for plane in range(batch.num_planes) for k in range(NUM_CLASSES)]
        else:
            counts = _confusion_BPLK(logits, batch)
            names = [
                f"plane{plane}_true{t}_pred{k}"
                for plane in range(batch.num_planes)
                for t in range(NUM_CLASSES)
                for k in range(NUM_CLASSES)
            ]
        table = counts.reshape(batch.num_events, -1).cpu().numpy()
        return event_frame(batch).join(pd.DataFrame(table, columns=names))

    def site_predictions(self, logits: SegmentationLogits, batch: SparseBatch) -> pd.DataFrame:
        """A row a site: run, subrun, event, plane, site, value, label (-1 unknown), prob0 to prob2."""
        prob_NK = logits.logits_NK.float().softmax(dim=1).cpu().numpy()
        return site_frame(batch).join(pd.DataFrame(prob_NK, columns=[f"prob{k}" for k in range(NUM_CLASSES)]))


def _labels(batch: SparseBatch) -> Tensor:
    if batch.labels_N is None:
        raise TaskError(
            "task.kind=segmentation learns from site labels, the file has none; convert a source with truth, "
            "or give finished weights and only evaluate"
        )
    return batch.labels_N


def _confusion_BPLK(logits: SegmentationLogits, batch: SparseBatch) -> Tensor:
    """int64, sites of each event and plane by truth and prediction."""
    flat_N = (batch.images_N * NUM_CLASSES + _labels(batch)) * NUM_CLASSES + logits.logits_NK.argmax(dim=1)
    counts = torch.bincount(flat_N, minlength=batch.num_images * NUM_CLASSES**2)
    return counts.reshape(batch.num_events, batch.num_planes, NUM_CLASSES, NUM_CLASSES)
