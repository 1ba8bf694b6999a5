"""Tiny batches that a reader can follow: two events, one plane of 4 x 4 sites."""

from __future__ import annotations

import torch

from nuweave.loader import SparseBatch


def two_events(
    *,
    labels: list[int] | None,
    sites: list[int] | None = None,
    images: list[int] | None = None,
    truth: dict[str, list[int]] | None = None,
    num_planes: int = 1,
) -> SparseBatch:
    """Four sites, 0 and 5 in the first image, 2 and 3 in the second, unless told otherwise."""
    sites = [0, 5, 2, 3] if sites is None else sites
    images = [0, 0, 1, 1] if images is None else images
    return SparseBatch(
        sites_N=torch.tensor(sites, dtype=torch.int64),
        images_N=torch.tensor(images, dtype=torch.int64),
        values_N=torch.arange(1.0, len(sites) + 1),
        labels_N=None if labels is None else torch.tensor(labels, dtype=torch.int64),
        shape=(4, 4),
        num_events=2,
        num_planes=num_planes,
        event_ids_B3=torch.tensor([[7, 0, 1], [7, 0, 2]]),
        truth={head: torch.tensor(classes) for head, classes in (truth or {}).items()},
    )
