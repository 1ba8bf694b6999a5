"""The events that `bench model` runs networks on: real ones, or simulated ones of SBND at full resolution.

Shapes: N sites.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from nuweave.bench.plain_uresnet import DEPTH, NUM_PLANES
from nuweave.config import UserError
from nuweave.convert.event import Deposits, Images
from nuweave.convert.sources import open_source
from nuweave.sparse import SparseTensor, from_sites, strided_mean

DIVISOR = 2 ** (DEPTH + 1)  # images of half the resolution are halved on; a batch norm needs two sites at the end


def read_events(path: Path) -> list[SparseTensor]:
    """Every event of a larcv3 file as the input of a network: the logarithm of each value.

    Raises:
        UserError: the network does not take its images.
    """
    opened = open_source("larcv3", path)
    return [_network_input(opened.event(entry).content, path) for entry in range(len(opened))]


def _network_input(content: Deposits | Images, path: Path) -> SparseTensor:
    images = content.values if isinstance(content, Images) else ()
    shape = images[0].shape if images else ()
    divides = all(length % DIVISOR == 0 for length in shape) and shape != (DIVISOR, DIVISOR)
    if len(images) != NUM_PLANES or len(shape) != 2 or not divides:
        raise UserError(
            f"{path}: has {len(images)} images of {' x '.join(map(str, shape))} an event, the network needs "
            f"{NUM_PLANES} of two axes whose lengths divide by {DIVISOR}, one of them larger; give another file, or "
            "none for simulated events"
        )
    image_N = torch.cat([torch.full((len(image.ids),), plane) for plane, image in enumerate(images)])
    site_N = torch.cat([torch.from_numpy(image.ids) for image in images])
    value_N = torch.cat([torch.from_numpy(image.values) for image in images])
    return from_sites(image_N, site_N, torch.log1p(value_N)[:, None], shape=shape, num_images=NUM_PLANES)


def fresh(x: SparseTensor) -> SparseTensor:
    """The same sites and features without any map, as a batch comes from the loader."""
    return SparseTensor(x.feat_NC, x.key_N, x.shape, x.num_images)


def halved(x: SparseTensor) -> SparseTensor:
    """The event at half the resolution: means over active sites."""
    return fresh(strided_mean(fresh(x)))


def plane_of(x: SparseTensor, *, num_sites: int) -> SparseTensor:
    """The image of the event whose number of sites is nearest to that."""
    images = x.images()
    plane = int((images.count_I - num_sites).abs().argmin())
    chosen_N = images.index_N == plane
    key_N = x.key_N[chosen_N] - plane * math.prod(x.shape)
    return SparseTensor(x.feat_NC[chosen_N], key_N, x.shape, num_images=1)


def together(events: Sequence[SparseTensor]) -> SparseTensor:
    """Several events as one batch."""
    first, size = events[0], math.prod(events[0].shape)
    image_N = torch.cat([x.images().index_N + NUM_PLANES * number for number, x in enumerate(events)])
    site_N = torch.cat([x.key_N % size for x in events])
    feat_NC = torch.cat([x.feat_NC for x in events])
    return from_sites(image_N, site_N, feat_NC, shape=first.shape, num_images=NUM_PLANES * len(events))


def occupancy(x: SparseTensor) -> float:
    """Share of the sites that are active."""
    return len(x.key_N) / (x.num_images * math.prod(x.shape))
