"""Random flips along the axes of the images, one draw an event, the same for image and label.

A flip of time exchanges the two sides of the cathode. A flip of the wires of all planes at once is a half turn of the
event about the drift axis: what happened stays the same, its direction and that of gravity turn round.
Shape letters: N sites of an image.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nuweave.loader.batch import Event
from nuweave.store import SparseImage

Flips = tuple[bool, ...]  # an entry for every axis of an image


def draw_flips(*, seed: int, epoch: int, entry: int, ndim: int) -> Flips:
    """Which axes of an event to flip: fair coins that depend on nothing but seed, epoch and event."""
    # the order of the epoch is drawn from the same key with the counter [_, 0, 0, 0]
    bits = int(np.random.Philox(key=[seed, epoch], counter=[0, 0, entry, 1]).random_raw())
    return tuple(bool(bits >> axis & 1) for axis in range(ndim))


def flip_event(event: Event, flips: Flips) -> Event:
    """Mirror all images of an event, and their labels, along the chosen axes. Twice gives the event back."""
    if not any(flips):
        return event
    images, labels = [], []
    for plane, image in enumerate(event.images):
        ids_N, order_N = _flip_ids(image, flips)
        images.append(replace(image, ids=ids_N, values=image.values[order_N]))
        if event.labels is not None:
            label = event.labels[plane]
            labels.append(SparseImage(ids_N, label.values[order_N], label.shape, label.projection))
    return replace(event, images=images, labels=None if event.labels is None else labels)


def _flip_ids(image: SparseImage, flips: Flips) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Mirrored ids, ascending again, and which old site each one was."""
    axes = zip(np.unravel_index(image.ids, image.shape), image.shape, flips, strict=True)
    mirrored = tuple(length - 1 - at if flip else at for at, length, flip in axes)
    flipped_N = np.ravel_multi_index(mirrored, image.shape).astype(np.int64)
    order_N = np.argsort(flipped_N, kind="stable")
    return flipped_N[order_N], order_N
