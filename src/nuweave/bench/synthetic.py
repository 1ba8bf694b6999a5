"""Images as sparse as a detector's, for measurements that need no simulation: straight tracks, and noise between them.

Shapes: N sites of all images, T sites of a track, D axes of an image.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from numpy.typing import NDArray

from nuweave.sparse import SparseTensor, from_sites

WIDEST_SITES = 2  # tracks are 1 or 2 sites across
MOST_OCCUPIED = 0.5  # random tracks hardly ever fill what is left beyond it


def synthetic_images(
    shape: tuple[int, ...], *, num_images: int, occupancy: float, noise: float, seed: int
) -> SparseTensor:
    """Images with as many sites each: tracks from one random place to another, and single sites anywhere.

    Args:
        shape: sites along each axis.
        num_images: images.
        occupancy: share of the sites that are active, up to MOST_OCCUPIED; every image has at least one.
        noise: share of the active sites that no track made.
        seed: fixes every site.
    Returns:
        one channel of float32 values from 0 to 1.
    """
    assert 0 < occupancy <= MOST_OCCUPIED, occupancy
    random = np.random.default_rng(seed)
    num_sites = max(1, round(occupancy * math.prod(shape)))
    num_noise = round(noise * num_sites)
    sites_N = np.concatenate([_image(random, shape, num_sites, num_noise) for _ in range(num_images)])
    images_N = np.repeat(np.arange(num_images), num_sites)
    values_N1 = random.random((len(sites_N), 1), dtype=np.float32)
    tensors = (torch.from_numpy(array) for array in (images_N, sites_N, values_N1))
    return from_sites(*tensors, shape=shape, num_images=num_images)


def _image(random: np.random.Generator, shape: tuple[int, ...], num_sites: int, num_noise: int) -> NDArray[np.int64]:
    """Ids of the active sites of one image, ascending; the last track ends where there are enough."""
    active = np.zeros(math.prod(shape), bool)
    active[random.choice(len(active), num_noise, replace=False, shuffle=False)] = True
    missing = num_sites - num_noise
    while missing:
        track_T = _track(random, shape)
        new = np.unique(track_T[~active[track_T]])[:missing]
        active[new] = True
        missing -= len(new)
    return np.flatnonzero(active)


def _track(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Ids of the sites of one track, some of them more than once."""
    size_D = np.array(shape)
    begin_D, end_D = random.random((2, len(shape))) * (size_D - 1)
    steps = np.linspace(0, 1, 1 + math.ceil(np.abs(end_D - begin_D).max()))[:, None]
    line_TD = np.rint(begin_D + steps * (end_D - begin_D)).astype(np.int64)
    across = range(random.integers(1, WIDEST_SITES + 1))
    thick = [line_TD + np.array(step) for step in itertools.product(across, repeat=len(shape))]
    site_TD = np.minimum(np.concatenate(thick), size_D - 1)
    site_T: NDArray[np.int64] = np.ravel_multi_index(tuple(site_TD.T), shape)
    return site_T
