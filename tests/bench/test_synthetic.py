"""Synthetic images are as sparse as they are asked to be."""

from __future__ import annotations

import math

import pytest
import torch

from nuweave.bench.synthetic import synthetic_images


@pytest.mark.parametrize(("shape", "num_images"), [((40, 64), 3), ((16, 16, 16), 1)])
@pytest.mark.parametrize("occupancy", [1e-6, 0.007, 0.5])
def test_every_image_has_the_stated_share_of_sites(shape: tuple[int, ...], num_images: int, occupancy: float) -> None:
    x = synthetic_images(shape, num_images=num_images, occupancy=occupancy, noise=0.3, seed=1)
    expected = max(1, round(occupancy * math.prod(shape)))
    assert x.images().count_I.tolist() == [expected] * num_images


def test_tracks_have_neighbours_and_noise_has_few() -> None:
    def mean_neighbours(noise: float) -> float:
        x = synthetic_images((100, 100), num_images=1, occupancy=0.01, noise=noise, seed=1)
        return x.neighbours(3).num_pairs / len(x.key_N) - 1

    assert mean_neighbours(0.0) > 1.5 > 0.5 > mean_neighbours(1.0)


def test_the_seed_fixes_every_site() -> None:
    one, same, other = (
        synthetic_images((40, 64), num_images=1, occupancy=0.05, noise=0.3, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one.key_N, same.key_N)
    assert torch.equal(one.feat_NC, same.feat_NC)
    assert not torch.equal(one.key_N, other.key_N)
