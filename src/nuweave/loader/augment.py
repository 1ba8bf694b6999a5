"""Random flips, shifts and scales: one draw an event, the same for its images, site labels and vertex.

A flip of time exchanges the two sides of the cathode. A flip of the wires of all planes at once is a half turn of the
event about the drift axis: what happened stays the same, its direction and that of gravity turn round. A shift moves
all images of an event by the same number of sites: a real movement in 3D and along time; along the wires of several
planes none does that, so a few wires at most.
Shape letters: N sites of a batch, B events, P planes, I images of all events, D axes of an image, W words of a draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nuweave.loader.batch import SparseBatch
from nuweave.loader.errors import LoaderError

FLIP, SHIFT, SCALE = 0, 1, 2  # what a draw is for; part of its counter
WORD_BITS = 32
LOW_WORD = np.uint64(2**WORD_BITS - 1)


@dataclass(frozen=True)
class Ranges:
    """What may be drawn; by default nothing.

    Attributes:
        flip: mirror each axis with a fair coin.
        max_shift: most sites to move along each axis, either way; () is none at all.
        scale: values are multiplied by a factor uniform in [1 - scale, 1 + scale].
    Raises:
        LoaderError: a shift below 0, or a scale outside [0, 1).
    """

    flip: bool = False
    max_shift: tuple[int, ...] = ()
    scale: float = 0.0

    def __post_init__(self) -> None:
        if any(reach < 0 for reach in self.max_shift):
            raise LoaderError(f"max_shift={self.max_shift}: a shift goes both ways; give 0 or more sites for each axis")
        if not 0 <= self.scale < 1:
            raise LoaderError(f"scale={self.scale}: a factor must stay positive; give a scale from 0, below 1")

    @property
    def is_off(self) -> bool:
        """Whether nothing is drawn."""
        return not (self.flip or any(self.max_shift) or self.scale)


class Augmentation(NamedTuple):
    """What happens to each event of a batch.

    Attributes:
        flips_BD: bool, axes to mirror.
        shifts_BD: int64, sites to move along each axis, after the flip.
        scale_B: float32, factor of the values.
    """

    flips_BD: NDArray[np.bool_]
    shifts_BD: NDArray[np.int64]
    scale_B: NDArray[np.float32]


def draw(
    ranges: Ranges, *, seed: int, entries: NDArray[np.int64], epochs: NDArray[np.int64], ndim: int
) -> Augmentation:
    """One draw an event, from seed, epoch and entry alone: the same in whatever batch and on whatever rank.

    Args:
        ranges: what may be drawn.
        seed: of the run, from 0, below 2**64.
        entries: int64[B], positions in the file.
        epochs: int64[B], the epoch of each, below 2**32.
        ndim: axes of an image, at most 4.
    Raises:
        LoaderError: max_shift has not one number for each axis.
    """
    if len(ranges.max_shift) not in (0, ndim):
        raise LoaderError(
            f"max_shift={ranges.max_shift} must have a number for each axis, the images have {ndim}; "
            f"give {ndim} numbers, 0 where nothing moves"
        )
    flip_BW, shift_BW, scale_BW = (
        _words(seed=seed, entries=entries, epochs=epochs, purpose=purpose) for purpose in (FLIP, SHIFT, SCALE)
    )
    reach_D = np.array(ranges.max_shift or (0,) * ndim, np.int64)
    choices_D = (2 * reach_D + 1).astype(np.uint64)
    return Augmentation(
        flips_BD=(flip_BW[:, :ndim] & np.uint64(1)).astype(bool) & ranges.flip,
        shifts_BD=(shift_BW[:, :ndim] * choices_D >> np.uint64(WORD_BITS)).astype(np.int64) - reach_D,
        scale_B=(1 + ranges.scale * (2 * scale_BW[:, 0] / 2**WORD_BITS - 1)).astype(np.float32),
    )


def augmented(batch: SparseBatch, augmentation: Augmentation) -> SparseBatch:
    """The batch with its events changed; see `apply`."""
    sites_N, images_N, values_N, labels_N, vertex_BP = apply(
        batch.sites_N,
        batch.images_N,
        batch.values_N,
        batch.labels_N,
        batch.vertex_BP,
        shape=batch.shape,
        num_planes=batch.num_planes,
        augmentation=augmentation,
    )
    return replace(batch, sites_N=sites_N, images_N=images_N, values_N=values_N, labels_N=labels_N, vertex_BP=vertex_BP)


def apply(
    sites_N: Tensor,
    images_N: Tensor,
    values_N: Tensor,
    labels_N: Tensor | None,
    vertex_BP: Tensor | None,
    *,
    shape: tuple[int, ...],
    num_planes: int,
    augmentation: Augmentation,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:
    """The events of a batch flipped, then shifted, their values scaled; on the device of the tensors.

    Sites that a shift takes out of the image are left out, together with their labels: the window looks elsewhere.

    Args:
        sites_N: int64, position in the image in C order, ascending in each image.
        images_N: int64, event_in_batch * num_planes + plane, ascending.
        values_N: float32, stored value of each site.
        labels_N: label of each site, or None.
        vertex_BP: int64, site of the vertex in each plane, -1 where it has none; or None.
        shape: sites along each axis of an image.
        num_planes: images an event.
        augmentation: as `draw` gives it.
    Returns:
        the five tensors in the same order, sites sorted again; a vertex that left its image is -1. What nothing
        happens to comes back untouched.
    """
    # a row an image, since a site knows its image and not its event
    flips_ID, shifts_ID, scale_I = (np.repeat(drawn, num_planes, axis=0) for drawn in augmentation)
    device = sites_N.device
    if (scale_I != 1).any():
        values_N = values_N * torch.from_numpy(scale_I).to(device)[images_N]
    if not (flips_ID.any() or shifts_ID.any()):
        return sites_N, images_N, values_N, labels_N, vertex_BP
    # coordinate x of an axis of n sites becomes shift + x, or with a flip shift + n - 1 - x
    turn_ID = torch.from_numpy(np.where(flips_ID, -1, 1)).to(device)
    offset_ID = torch.from_numpy(shifts_ID + flips_ID * (np.array(shape) - 1)).to(device)
    if vertex_BP is not None:
        vertex_BP = _moved(vertex_BP.flatten(), turn_ID, offset_ID, shape).view(vertex_BP.shape)
    moved_N = _moved(sites_N, turn_ID[images_N], offset_ID[images_N], shape)
    order_N = torch.nonzero(moved_N >= 0).flatten()
    if flips_ID.any():  # a shift alone keeps the order
        key_N = images_N[order_N] * math.prod(shape) + moved_N[order_N]
        order_N = order_N[torch.argsort(key_N, stable=True)]
    labels_N = None if labels_N is None else labels_N[order_N]
    return moved_N[order_N], images_N[order_N], values_N[order_N], labels_N, vertex_BP


def _moved(sites_N: Tensor, turn_ND: Tensor, offset_ND: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sites at offset + turn * coordinate along every axis; -1 outside the image, and where there was none."""
    moved_N, inside_N, rest_N, stride = torch.zeros_like(sites_N), sites_N >= 0, sites_N, 1
    for axis in reversed(range(len(shape))):
        above_N = rest_N // shape[axis]
        at_N = offset_ND[:, axis] + turn_ND[:, axis] * (rest_N - above_N * shape[axis])
        inside_N = inside_N & (at_N >= 0) & (at_N < shape[axis])
        moved_N, rest_N, stride = moved_N + at_N * stride, above_N, stride * shape[axis]
    return torch.where(inside_N, moved_N, -1)


def _words(*, seed: int, entries: NDArray[np.int64], epochs: NDArray[np.int64], purpose: int) -> NDArray[np.uint64]:
    """uint64[B, 4], four random words of 32 bits for each event."""
    entry_B = entries.astype(np.uint64)
    parts = (
        entry_B & LOW_WORD,
        entry_B >> np.uint64(WORD_BITS),
        epochs.astype(np.uint64),
        np.full_like(entry_B, purpose),
    )
    return _philox(np.stack(parts, axis=1), key=(seed & int(LOW_WORD), seed >> WORD_BITS))


def _philox(counter_BW: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Philox4x32-10 of many counters at once: numpy's own generator would be a Python loop over events.

    Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC11, 2011).
    """
    first, second, third, fourth = counter_BW.T
    left, right = key
    for _ in range(10):
        one, other = first * np.uint64(0xD2511F53), third * np.uint64(0xCD9E8D57)
        first, second = (other >> np.uint64(WORD_BITS)) ^ second ^ np.uint64(left), other & LOW_WORD
        third, fourth = (one >> np.uint64(WORD_BITS)) ^ fourth ^ np.uint64(right), one & LOW_WORD
        left, right = (left + 0x9E3779B9) % 2**WORD_BITS, (right + 0xBB67AE85) % 2**WORD_BITS
    return np.stack([first, second, third, fourth], axis=1)
