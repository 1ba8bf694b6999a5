"""Label every stored site: background, cosmic or neutrino.

Shape letters: N sites, K classes predicted, T classes in truth, P planes, B events.
Source: loss weights of CosmicTagger (2012.01301), whose loss adds up a mean a plane, where ours is one mean over the
sites of all planes, events and ranks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from nuweave.config.tasks import SegmentationConfig
from nuweave.loader import SparseBatch
from nuweave.models import Logits, Outputs
from nuweave.tasks.balance import even_sums, even_weights, focal_weights
from nuweave.tasks.protocol import TaskError
from nuweave.tasks.ratios import defined
from nuweave.tasks.site_metrics import NUM_CLASSES, PRIMARY, image_sums, metrics_of, over_planes
from nuweave.tasks.sites import SingleTask, event_frame, site_frame

CLASS_WEIGHTS = {  # background, cosmic, neutrino
    "none": (1.0, 1.0, 1.0),
    "mild": (1.0, 1.2, 3.2),
    "light": (1.0, 1.5, 10.0),
}


class Segmentation(SingleTask[SegmentationConfig]):
    """Site-wise softmax. It learns from stored sites: the pixels that are not stored are background by construction."""

    primary_metric = PRIMARY

    @property
    def outputs(self) -> Outputs:
        """Three classes a site."""
        return Outputs(site_classes=NUM_CLASSES)

    def loss_weights(self, batch: SparseBatch) -> Tensor:
        """Sum of the class weights of the sites, or their number with a focal loss; balance even has a term a class.

        Raises:
            TaskError: the file has no site labels.
        """
        labels_N = _labels(batch)
        if self.config.balance == "even":
            return even_weights(labels_N, NUM_CLASSES)
        if self.config.balance == "focal":
            return torch.tensor([len(labels_N)], dtype=torch.float64, device=labels_N.device)
        return _class_weights(self.config.balance, labels_N).sum(dtype=torch.float64)[None]

    def loss_sums(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """Weighted sum of cross entropies over sites; balance even has a term a class. Errors as `loss_weights`."""
        labels_N = _labels(batch)
        entropy_N = functional.cross_entropy(logits.sites_NK.float(), labels_N, reduction="none")
        if self.config.balance == "even":
            return even_sums(entropy_N, labels_N, NUM_CLASSES)
        if self.config.balance == "focal":
            return self._focal_sum(entropy_N)[None]
        return (_class_weights(self.config.balance, labels_N) * entropy_N).sum()[None]

    def _focal_sum(self, entropy_N: Tensor) -> Tensor:
        """With focal_mean=weights the mean of this batch by its focal weights, as often as it has sites."""
        weight_N = focal_weights(entropy_N)
        if self.config.focal_gradient == "entropy":
            weight_N = weight_N.detach()
        total = (weight_N * entropy_N).sum()
        if self.config.focal_mean == "sites":
            return total
        return total * len(entropy_N) / weight_N.detach().sum().clamp_min(torch.finfo(weight_N.dtype).tiny)

    def counts(self, logits: Logits, batch: SparseBatch) -> dict[str, Tensor]:
        """The sums of `image_sums` over the events, float64[P, ...]. Errors as `loss_weights`."""
        num_pixels = math.prod(batch.shape) if self.config.sites == "all" else None
        sums = image_sums(_confusion_BPTK(logits, batch).cpu().numpy(), num_pixels)
        return {name: torch.from_numpy(table.sum(axis=0)) for name, table in sums.items()}

    def metrics(self, counts: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean over planes of every metric of `site_metrics`, then `plane{p}/` each."""
        plane_metrics = metrics_of({name: table.numpy() for name, table in counts.items()})
        return defined(over_planes(plane_metrics))

    def predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row an event: run, subrun, event, site counts plane{p}_true{t}_pred{k}; plane{p}_pred{k} without labels."""
        if batch.labels_N is None:
            flat_N = batch.images_N * NUM_CLASSES + logits.sites_NK.argmax(dim=1)
            counts = torch.bincount(flat_N, minlength=batch.num_images * NUM_CLASSES)
            names = [f"plane{plane}_pred{k}" for plane in range(batch.num_planes) for k in range(NUM_CLASSES)]
        else:
            counts = _confusion_BPTK(logits, batch)
            names = [
                f"plane{plane}_true{t}_pred{k}"
                for plane in range(batch.num_planes)
                for t in range(NUM_CLASSES)
                for k in range(NUM_CLASSES)
            ]
        table = counts.reshape(batch.num_events, -1).cpu().numpy()
        return event_frame(batch).join(pd.DataFrame(table, columns=names))

    def site_predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:
        """A row a site: run, subrun, event, plane, site, value, label (-1 unknown), prob0 to prob2."""
        prob_NK = logits.sites_NK.float().softmax(dim=1).cpu().numpy()
        return site_frame(batch).join(pd.DataFrame(prob_NK, columns=[f"prob{k}" for k in range(NUM_CLASSES)]))


def _class_weights(balance: str, labels_N: Tensor) -> Tensor:
    """float32, the weight of the true class of each site."""
    return torch.tensor(CLASS_WEIGHTS[balance], device=labels_N.device)[labels_N]


def _labels(batch: SparseBatch) -> Tensor:
    if batch.labels_N is None:
        raise TaskError(
            "task.kind=segmentation learns from site labels, the file has none; convert a source with truth, "
            "or give finished weights and only evaluate"
        )
    return batch.labels_N


def _confusion_BPTK(logits: Logits, batch: SparseBatch) -> Tensor:
    """int64, sites of each event and plane by truth and prediction."""
    flat_N = (batch.images_N * NUM_CLASSES + _labels(batch)) * NUM_CLASSES + logits.sites_NK.argmax(dim=1)
    counts = torch.bincount(flat_N, minlength=batch.num_images * NUM_CLASSES**2)
    return counts.reshape(batch.num_events, batch.num_planes, NUM_CLASSES, NUM_CLASSES)
