"""Host memory that batches pass through: filled from files, copied to the device, filled again.

A slab is as large as its largest batch so far, so a reader's memory is that of its slabs, however large the file is.
Where there is an accelerator, slabs are pinned and the copy runs beside the computation.

Shape letters: N sites of the batch, B events, P planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nuweave.store import Columns

GROWTH = 1.25  # room beyond the batch at hand, so that a slab seldom grows


@dataclass(frozen=True)
class HostBatch:
    """A batch in a slab.

    Attributes:
        num_sites: N; that much of the slab is filled.
        sites_BP: int64, sites of each image, in the order of the slab.
        entries_B: int64, positions in the dataset.
        epochs_B: int64, how often each event was seen before.
        event_ids_B3: int64, run, subrun and event.
        truth: head -> int64[B].
        vertex_BP: int64, site of the vertex; None where the files have none.
    """

    num_sites: int
    sites_BP: NDArray[np.int64]
    entries_B: NDArray[np.int64]
    epochs_B: NDArray[np.int64]
    event_ids_B3: NDArray[np.int64]
    truth: dict[str, NDArray[np.int64]]
    vertex_BP: NDArray[np.int64] | None


class Slab:
    """Room for the sites of one batch.

    Args:
        id_type: of the sites' numbers.
        device: that batches go to.
    """

    def __init__(self, id_type: type[np.uint32] | type[np.int64], device: torch.device) -> None:
        self._id_type, self._device = id_type, device
        self._copied: Any = None  # event on the device after the last copy
        self._reserve(0)

    @property
    def num_bytes(self) -> int:
        """Host memory that it holds."""
        return sum(tensor.nbytes for tensor in (self._ids_N, self._values_N, self._labels_N))

    def room(self, num_sites: int) -> Columns:
        """Arrays for `num_sites` sites, once the last batch has left."""
        if self._copied is not None:
            self._copied.synchronize()
            self._copied = None
        if num_sites > len(self._values_N):
            self._reserve(int(num_sites * GROWTH))
        ids: NDArray[Any] = self._ids_N.numpy().view(self._id_type)
        return Columns(ids[:num_sites], self._values_N.numpy()[:num_sites], self._labels_N.numpy()[:num_sites])

    def copy_out(self, num_sites: int, *, with_labels: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """Site numbers (int64), values (float32) and labels (int64) on the device, in memory of their own."""
        ids_N = self._send(self._ids_N[:num_sites]).to(torch.int64, copy=True)
        if self._id_type is np.uint32:
            ids_N &= 0xFFFFFFFF  # stored as int32 bits, which all devices know
        values_N = self._send(self._values_N[:num_sites])
        values_N = values_N.clone() if self._device.type == "cpu" else values_N
        labels_N = self._send(self._labels_N[:num_sites]).long() if with_labels else None
        if self._device.type != "cpu":
            self._copied = torch.get_device_module(self._device).Event()
            self._copied.record()
        return ids_N, values_N, labels_N

    def _send(self, part: Tensor) -> Tensor:
        return part.to(self._device, non_blocking=True)

    def _reserve(self, num_sites: int) -> None:
        pin = self._device.type != "cpu"
        narrow = torch.int32 if self._id_type is np.uint32 else torch.int64
        self._ids_N = torch.empty(num_sites, dtype=narrow, pin_memory=pin)
        self._values_N = torch.empty(num_sites, dtype=torch.float32, pin_memory=pin)
        self._labels_N = torch.empty(num_sites, dtype=torch.uint8, pin_memory=pin)
