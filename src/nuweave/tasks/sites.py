"""What all tasks do with sites: select them, feed them to a network, list them.

Shape letters: N sites, C channels, B events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Literal, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from nuweave.config.tasks import EventClassificationConfig, SegmentationConfig, VertexConfig
from nuweave.loader import SparseBatch
from nuweave.models import Logits
from nuweave.physics.truth import SiteLabel
from nuweave.sparse import SparseTensor, from_sites
from nuweave.tasks.protocol import TaskError, mean_loss

LOG_VALUE_SCALE = 4.0  # a pixel of some 50 ADC becomes a feature near 1


ConfigT = TypeVar("ConfigT", SegmentationConfig, VertexConfig, EventClassificationConfig)


class SingleTask(ABC, Generic[ConfigT]):
    """What the tasks of every kind share; see `Task`."""

    def __init__(self, config: ConfigT) -> None:
        self.config: ConfigT = config

    def prepare(self, batch: SparseBatch) -> SparseBatch:
        """The batch with the sites that the network sees."""
        return select_sites(batch, self.config.sites)

    def forward(self, network: nn.Module, batch: SparseBatch) -> Logits:
        """The network's logits for a prepared batch."""
        logits: Logits = network(network_input(batch))
        return logits

    @abstractmethod
    def loss_weights(self, batch: SparseBatch) -> Tensor:
        """What each term of the loss is divided by."""

    @abstractmethod
    def loss_sums(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """The sum of each term of the loss."""

    def loss(self, logits: Logits, batch: SparseBatch) -> Tensor:
        """The scalar mean loss of this batch, terms added; errors as `loss_sums`."""
        return mean_loss(self.loss_sums(logits, batch), self.loss_weights(batch))

    def site_predictions(self, logits: Logits, batch: SparseBatch) -> pd.DataFrame:  # noqa: ARG002  (says nothing of sites)
        """A row a site that the network saw: run, subrun, event, plane, site, value, label (-1 unknown)."""
        return site_frame(batch)


def select_sites(batch: SparseBatch, sites: Literal["all", "neutrino"]) -> SparseBatch:
    """The sites that a network sees; an event may have none left.

    Raises:
        TaskError: neutrino sites are asked for and the file has no site labels.
    """
    if sites == "all":
        return batch
    if batch.labels_N is None:
        raise TaskError("task.sites=neutrino needs site labels, the file has none; try task.sites: all")
    return batch.select(batch.labels_N == SiteLabel.NEUTRINO)


def network_input(batch: SparseBatch) -> SparseTensor:
    """One channel: the logarithm of the value, odd in it so that negative values are allowed."""
    feat_NC = (torch.sign(batch.values_N) * torch.log1p(batch.values_N.abs()) / LOG_VALUE_SCALE)[:, None]
    return from_sites(batch.images_N, batch.sites_N, feat_NC, shape=batch.shape, num_images=batch.num_images)


def event_frame(batch: SparseBatch) -> pd.DataFrame:
    """A row an event: run, subrun, event."""
    return pd.DataFrame(batch.event_ids_B3.cpu().numpy(), columns=["run", "subrun", "event"])


def site_frame(batch: SparseBatch) -> pd.DataFrame:
    """A row a site: run, subrun, event, plane, site, value, label (-1 where unknown)."""
    ids_N3 = batch.event_ids_B3[batch.events_N].cpu().numpy()
    frame = pd.DataFrame(ids_N3, columns=["run", "subrun", "event"])
    frame["plane"] = batch.planes_N.cpu().numpy()
    frame["site"] = batch.sites_N.cpu().numpy()
    frame["value"] = batch.values_N.cpu().numpy()
    frame["label"] = np.int64(-1) if batch.labels_N is None else batch.labels_N.cpu().numpy()
    return frame
