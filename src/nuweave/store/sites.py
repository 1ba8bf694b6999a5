"""Image and label of events as flat columns: the way of a training, where every site is checked and copied once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.store.files import AGAIN, DamagedEventError, Fault, StoreError
from nuweave.store.kernels import BAD_LABEL, DIFFERENT_SITES, MEANING, RIGHT, find_fault
from nuweave.store.reader import ShardReader

MAX_NARROW_ID = 2**32


@dataclass(frozen=True)
class Columns:
    """Room for the sites of some events, in host memory.

    Attributes:
        ids: uint32[N], or int64[N] where an image has more sites than 32 bits can number.
        values: float32[N].
        labels: uint8[N]; not written to where a file has none.
    """

    ids: NDArray[np.uint32] | NDArray[np.int64]
    values: NDArray[np.float32]
    labels: NDArray[np.uint8]


def id_type(shape: Sequence[int]) -> type[np.uint32] | type[np.int64]:
    """The narrowest type that numbers all sites of an image."""
    return np.uint32 if math.prod(shape) <= MAX_NARROW_ID else np.int64


def even_pieces(num_sites: NDArray[np.int64], num_pieces: int) -> list[slice]:
    """Cut a batch among threads where each piece has about as many sites; none is empty, so there may be fewer.

    Args:
        num_sites: int64[events], sites of each event of the batch.
        num_pieces: threads to be.
    """
    middles = np.cumsum(num_sites) - num_sites / 2  # an event goes to the piece that its middle lies in
    cuts = [int(np.searchsorted(middles, num_sites.sum() * piece / num_pieces)) for piece in range(num_pieces)]
    return [slice(start, end) for start, end in zip(cuts, [*cuts[1:], len(num_sites)], strict=True) if start < end]


class SiteReader:
    """Image and label of one file. Their tables are compared on opening.

    Args:
        reader: the open file.
        image: "sparse2d_image".
        label: "sparse2d_label"; None where there is none.
        num_classes: labels are whole numbers from 0 to num_classes - 1.
    Raises:
        StoreError: a product is missing or empty, or image and label differ in their projections or in number of sites.
    """

    def __init__(self, reader: ShardReader, *, image: str, label: str | None, num_classes: int = 256) -> None:
        self.reader = reader
        self._image, self._label, self._num_classes = image, label, num_classes
        self.shape, self.num_planes = reader.geometry(image)
        self._num_ids = math.prod(self.shape)
        index = reader.product(image)
        self._event_images, self._image_starts, self._event_rows = index.starts[0], index.starts[1], index.event_rows
        self._is_checked = np.zeros(len(reader), bool)
        if label is not None:
            self._require_alike(image, label)

    def __len__(self) -> int:
        return len(self.reader)

    @property
    def num_sites(self) -> NDArray[np.int64]:
        """int64[events], sites of each event, all projections together."""
        return np.diff(self._event_rows)

    def plane_sites(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[events, planes], sites of each projection; all 0 where an event has no projection."""
        first = self._event_images[events][:, None] + np.arange(self.num_planes)
        is_filled = self._event_images[events] < self._event_images[events + 1]
        rows = np.where(is_filled[:, None], first, 0)
        return np.asarray(np.where(is_filled[:, None], self._image_starts[rows + 1] - self._image_starts[rows], 0))

    def read(self, events: Sequence[int], out: Columns, *, at: int = 0) -> None:
        """Read events one after another into `out`, sites of each in the order of projections; threads may share it.

        Args:
            events: positions in the file, in any order.
            out: room for their sites.
            at: where the first event's sites begin in it.
        Raises:
            IndexError: the file has no such event.
            DamagedEventError: one cannot be read, or is not what it should be; what was read so far is in `out`.
            StoreError: the file was changed while open.
        """
        self.reader.require_unchanged()
        for event in events:
            at += self._read_event(event, out, at)
        self.reader.require_unchanged()

    def _read_event(self, event: int, out: Columns, at: int) -> int:
        """Write one event's sites from position `at`; gives their number."""
        image = self.reader.trusted_event_rows(self._image, event)
        label = image[:0] if self._label is None else self.reader.trusted_event_rows(self._label, event)
        if not self._is_checked[event]:
            self._require_right(event, image, label)
            self._is_checked[event] = True
        end = at + len(image)
        assert end <= len(out.ids), "the caller makes room for num_sites"
        out.ids[at:end] = image["id"]
        out.values[at:end] = image["value"]
        if self._label is not None:
            out.labels[at:end] = label["value"]
        return len(image)

    def _require_right(self, event: int, image: NDArray[Any], label: NDArray[Any]) -> None:
        """Look at every site of an event, once: after that, its bytes are those that were looked at."""
        first, last = self._event_images[event : event + 2]
        ends = self._image_starts[first + 1 : last + 1] - self._image_starts[first]
        found = find_fault(
            image["id"], image["value"], label["id"], label["value"], ends, self._num_ids, self._num_classes
        )
        if found != RIGHT:
            product = self._label if found in (DIFFERENT_SITES, BAD_LABEL) else self._image
            raise DamagedEventError(Fault(self.reader.path, MEANING[found], AGAIN, product, event))

    def _require_alike(self, image: str, label: str) -> None:
        """Image and label must have the same projections with the same number of sites."""
        path = self.reader.path
        if self.reader.geometry(label) != (self.shape, self.num_planes):
            raise StoreError(f"{path}: {image} and {label} differ in shape or number of images; convert it again")
        one, other = self.reader.product(image), self.reader.product(label)
        differ = np.flatnonzero(one.num_images != other.num_images)
        if not len(differ):
            numbers, other_numbers = (index.tables["image_meta"]["projection_id"] for index in (one, other))
            rows = np.flatnonzero((np.diff(one.starts[1]) != np.diff(other.starts[1])) | (numbers != other_numbers))
            differ = np.searchsorted(one.starts[0], rows, side="right") - 1
        if len(differ):
            raise StoreError(f"{path}: event {differ[0]}: {image} and {label} have different sites; convert it again")
