"""A batch of sparse events: ragged and packed, no padding, no truncation.

Shape letters: N stored sites of the whole batch, B events, P planes, D axes of an image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor


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
        num_planes: P, images an event.
        event_ids_B3: int64, run, subrun and event.
        truth: head -> int64[B], -1 where the event has no class; a head that the file lacks is missing.
        vertex_BP: int64, site of the vertex in each plane, -1 where there is none; None where the source has none.
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
    vertex_BP: Tensor | None = None

    @property
    def events_N(self) -> Tensor:
        """int64[N], event in the batch of each site."""
        return self.images_N // self.num_planes

    @property
    def planes_N(self) -> Tensor:
        """int64[N], plane of each site."""
        return self.images_N % self.num_planes

    @property
    def coords_ND(self) -> Tensor:
        """int64[N, D], the position of each site along the axes of its image."""
        return torch.stack(torch.unravel_index(self.sites_N, self.shape), dim=1)

    @property
    def num_images(self) -> int:
        """Images in the batch, those without sites included."""
        return self.num_events * self.num_planes

    def dense(self) -> Tensor:
        """float32[B, P, *shape], the values as dense images, 0 where nothing is stored."""
        return self._scatter(self.values_N)

    def dense_labels(self) -> Tensor | None:
        """int64[B, P, *shape], the labels as dense images, 0 (background) where nothing is stored."""
        return None if self.labels_N is None else self._scatter(self.labels_N)

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
            vertex_BP=None if self.vertex_BP is None else self.vertex_BP.to(device),
        )

    def select(self, keep_N: Tensor) -> SparseBatch:
        """The same events with fewer sites.

        Args:
            keep_N: bool[N], sites to keep.
        Returns:
            a batch of as many events; some may have no site left.
        """
        kept = torch.nonzero(keep_N).flatten()  # once for all columns
        return replace(
            self,
            sites_N=self.sites_N[kept],
            images_N=self.images_N[kept],
            values_N=self.values_N[kept],
            labels_N=None if self.labels_N is None else self.labels_N[kept],
        )

    def parts(self, num: int) -> list[SparseBatch]:
        """The batch cut into batches of neighbouring events, as numpy.array_split cuts: the first ones are larger.

        Args:
            num: batches to cut into, at least 1; those past the last event have no event.
        Returns:
            the parts in the order of their events; the batch itself where num is 1.
        """
        if num == 1:
            return [self]
        size, larger = divmod(self.num_events, num)
        first = [part * size + min(part, larger) for part in range(num + 1)]
        return [self._between(start, stop) for start, stop in pairwise(first)]

    def _between(self, start: int, stop: int) -> SparseBatch:
        """The events of [start, stop) and their sites, which lie together: sites are sorted by image."""
        edges = torch.tensor([start, stop], device=self.images_N.device) * self.num_planes
        first, last = torch.searchsorted(self.images_N, edges).tolist()
        sites, events = slice(first, last), slice(start, stop)
        return replace(
            self,
            sites_N=self.sites_N[sites],
            images_N=self.images_N[sites] - start * self.num_planes,
            values_N=self.values_N[sites],
            labels_N=None if self.labels_N is None else self.labels_N[sites],
            num_events=stop - start,
            event_ids_B3=self.event_ids_B3[events],
            truth={head: class_B[events] for head, class_B in self.truth.items()},
            vertex_BP=None if self.vertex_BP is None else self.vertex_BP[events],
        )

    def _scatter(self, feat_N: Tensor) -> Tensor:
        size = math.prod(self.shape)
        dense = feat_N.new_zeros(self.num_images * size)
        dense[self.images_N * size + self.sites_N] = feat_N
        return dense.view(self.num_events, self.num_planes, *self.shape)
