"""A batch of sparse events: ragged and packed, no padding, no truncation.

Shape letters: N stored sites of the whole batch, B events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nuweave.store import EventId, SparseImage


@dataclass(frozen=True)
class Event:
    """One event in memory, as the store gives it.

    Attributes:
        event_id: its key.
        images: its projections; position in the list is the plane.
        labels: the same sites with values 0 background, 1 cosmic, 2 neutrino; None where the source has none.
        truth: head -> class index, -1 where the event has no class.
    """

    event_id: EventId
    images: Sequence[SparseImage]
    labels: Sequence[SparseImage] | None
    truth: Mapping[str, int]


@dataclass(frozen=True)
class SparseBatch:
    """The sites of a few events, sorted by image, then by site.

    Attributes:
        sites_N: int64, position in the image in C order.
        images_N: int64, event_in_batch * num_planes + plane.
        values_N: float32, stored value of each site.
        labels_N: int64, 0 background, 1 cosmic, 2 neutrino; None where the source has no site labels.
        shape: sites along each axis of an image.
        num_events: B; events without sites count.
        num_planes: images an event.
        event_ids_B3: int64, run, subrun and event.
        truth: head -> int64[B], -1 where the event has no class; a head that the file lacks is missing.
    """

    sites_N: Tensor
    images_N: Tensor
    values_N: Tensor
    labels_N: Tensor | None
    shape: tuple[int, ...]
    num_events: int
    num_planes: int
    event_ids_B3: Tensor
    truth: dict[str, Tensor]

    @property
    def events_N(self) -> Tensor:
        """int64[N], event in the batch of each site."""
        return self.images_N // self.num_planes

    @property
    def planes_N(self) -> Tensor:
        """int64[N], plane of each site."""
        return self.images_N % self.num_planes

    @property
    def num_images(self) -> int:
        """Images in the batch, those without sites included."""
        return self.num_events * self.num_planes

    def to(self, device: torch.device | str) -> SparseBatch:
        """The same batch on another device."""
        return replace(
            self,
            sites_N=self.sites_N.to(device),
            images_N=self.images_N.to(device),
            values_N=self.values_N.to(device),
            labels_N=None if self.labels_N is None else self.labels_N.to(device),
            event_ids_B3=self.event_ids_B3.to(device),
            truth={head: class_B.to(device) for head, class_B in self.truth.items()},
        )

    def select(self, keep_N: Tensor) -> SparseBatch:
        """The same events with fewer sites.

        Args:
            keep_N: bool[N], sites to keep.
        Returns:
            a batch of as many events; some may have no site left.
        """
        return replace(
            self,
            sites_N=self.sites_N[keep_N],
            images_N=self.images_N[keep_N],
            values_N=self.values_N[keep_N],
            labels_N=None if self.labels_N is None else self.labels_N[keep_N],
        )


def collate(events: Sequence[Event], *, shape: tuple[int, ...], num_planes: int) -> SparseBatch:
    """Pack events into one batch.

    Args:
        events: at least one; all with labels or none, all with the same heads.
        shape: sites along each axis, the same for every image.
        num_planes: images an event.
    """
    images = [image for event in events for image in event.images]
    labels = [label for event in events for label in event.labels or ()]
    numbers = [b * num_planes + plane for b, event in enumerate(events) for plane in range(len(event.images))]
    labels_N = torch.from_numpy(_join([label.values for label in labels], np.float32)).long()
    return SparseBatch(
        sites_N=torch.from_numpy(_join([image.ids for image in images], np.int64)),
        images_N=torch.from_numpy(np.repeat(np.array(numbers, np.int64), [len(image.ids) for image in images])),
        values_N=torch.from_numpy(_join([image.values for image in images], np.float32)),
        labels_N=None if events[0].labels is None else labels_N,
        shape=shape,
        num_events=len(events),
        num_planes=num_planes,
        event_ids_B3=torch.tensor([tuple(event.event_id) for event in events], dtype=torch.int64),
        truth={head: torch.tensor([event.truth[head] for event in events]) for head in events[0].truth},
    )


def _join(pieces: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    """The pieces one after another; none are an empty array."""
    return np.concatenate([np.empty(0, dtype), *pieces])
