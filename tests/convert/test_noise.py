"""Noise above the threshold against the Gaussian that it is cut from."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.convert.noise import noise_sites, streak_offsets, tail_normal, tail_probability
from nuweave.physics.detectors import ReadoutBlock

SHAPE = (300, 400)
BLOCK = ReadoutBlock((range(50, 250), range(100, 300)), plane=0)


def test_the_tail_above_two_sigma_holds_2_3_per_cent() -> None:
    assert tail_probability(2.0) == pytest.approx(0.02275, rel=1e-3)


def test_tail_numbers_are_those_of_a_gaussian_cut_at_the_threshold() -> None:
    rng = np.random.default_rng(3)
    drawn = tail_normal(rng, 20_000, 1.5)
    dense = rng.standard_normal(400_000)
    dense = dense[dense > 1.5]
    assert drawn.min() > 1.5
    assert np.percentile(drawn, [25, 50, 90, 99]) == pytest.approx(np.percentile(dense, [25, 50, 90, 99]), rel=0.02)


def test_as_many_sites_exceed_as_in_a_dense_image() -> None:
    rng = np.random.default_rng(5)
    found = [noise_sites(rng, BLOCK, SHAPE, axis=1, sigma_adc=2.0, threshold_adc=5.0)[0].size for _ in range(50)]
    assert np.mean(found) == pytest.approx(200 * 200 * tail_probability(2.5), rel=0.03)


def test_noise_stays_in_its_block_and_ids_ascend() -> None:
    for streak in (1.0, 3.0):
        block = ReadoutBlock(BLOCK.sites, plane=0, streak=streak)
        rng = np.random.default_rng(7)
        sites, values = noise_sites(rng, block, SHAPE, axis=1, sigma_adc=3.0, threshold_adc=5.0)
        row, column = np.unravel_index(sites, SHAPE)
        assert np.all(np.diff(sites) > 0)
        assert (row.min(), row.max()) == (50, 249)
        assert column.min() >= 100
        assert column.max() <= 299
        assert len(values) == len(sites)
        assert values.min() >= 5.0


def test_streaks_follow_the_drift_axis() -> None:
    def share_of_neighbours(streak: float) -> list[float]:
        block = ReadoutBlock(BLOCK.sites, plane=0, streak=streak)
        rng = np.random.default_rng(7)
        sites, _ = noise_sites(rng, block, SHAPE, axis=1, sigma_adc=2.0, threshold_adc=5.0)
        return [float(np.isin(sites + offset, sites).mean()) for offset in (1, SHAPE[1])]

    along, across = share_of_neighbours(2.2)
    assert along > 0.15
    assert across < 0.03
    assert share_of_neighbours(1.0)[0] < 0.03


def test_noise_without_streaks_sits_at_the_same_sites_along_any_axis_and_along_none() -> None:
    found = [
        noise_sites(np.random.default_rng(7), BLOCK, SHAPE, axis=axis, sigma_adc=2.0, threshold_adc=5.0)[0].tolist()
        for axis in (0, 1, None)
    ]
    assert len(found[0]) > 200
    assert found[0] == found[1] == found[2]


def test_offsets_start_at_0_in_every_streak_and_grow() -> None:
    offsets = streak_offsets(np.random.default_rng(1), np.array([1, 3, 2]))
    assert offsets[[0, 1, 4]].tolist() == [0, 0, 0]
    assert 0 < offsets[2] < offsets[3]
    assert offsets[5] > 0


def test_no_noise_gives_no_sites() -> None:
    sites, values = noise_sites(np.random.default_rng(1), BLOCK, SHAPE, axis=1, sigma_adc=0.0, threshold_adc=5.0)
    assert len(sites) == len(values) == 0
