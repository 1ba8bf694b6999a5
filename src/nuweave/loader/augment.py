"""Random flips along the time axis, one draw an event, the same for image and label.

Shape letters: N sites of an image.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nuweave.loader.batch import Event
from nuweave.store import SparseImage


def draw_flip(*, seed: int, epoch: int, entry: int) -> bool:
    """Whether to flip an event: a fair coin that depends on nothing but seed, epoch and event."""
    # the order of the epoch is drawn from the same key with the counter [_, 0, 0, 0]
    return bool(np.random.Philox(key=[seed, epoch], counter=[0, 0, entry, 1]).random_raw() & 1)


def flip_event(event: Event) -> Event:
    """Mirror all images of an event, and their labels, along the last axis. Twice gives the event back."""
    images, labels = [], []
    for plane, image in enumerate(event.images):
        ids_N, order_N = _flip_ids(image.ids, image.shape[-1])
        images.append(replace(image, ids=ids_N, values=image.values[order_N]))
        if event.labels is not None:
            label = event.labels[plane]
            labels.append(SparseImage(ids_N, label.values[order_N], label.shape, label.projection))
    return replace(event, images=images, labels=None if event.labels is None else labels)


def _flip_ids(ids_N: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Ids mirrored along the last axis and ascending again, and which old site each one was."""
    flipped_N = ids_N + length - 1 - 2 * (ids_N % length)
    order_N = np.argsort(flipped_N, kind="stable")
    return flipped_N[order_N], order_N
