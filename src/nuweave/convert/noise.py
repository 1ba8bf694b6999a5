"""Noise that passes the threshold, drawn directly: the dense image is never made. Pure functions of a generator."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.detectors import ReadoutBlock

STREAK_GAP = 3.0  # mean distance between the sites of a streak


def tail_probability(threshold_sigma: float) -> float:
    """Chance that a standard normal number exceeds a threshold."""
    return 0.5 * math.erfc(threshold_sigma / math.sqrt(2.0))


def tail_normal(rng: np.random.Generator, num: int, threshold_sigma: float) -> NDArray[np.float64]:
    """Standard normal numbers that exceed a threshold.

    Args:
        rng: source of randomness.
        num: how many.
        threshold_sigma: the threshold, above 0.
    Returns:
        float64[num].
    Source: Marsaglia, Technometrics 6 (1964) 101: a Rayleigh tail, kept with probability threshold / x.
    """
    kept: list[NDArray[np.float64]] = [np.zeros(0)]
    while (missing := num - sum(len(part) for part in kept)) > 0:
        proposal = np.sqrt(threshold_sigma**2 - 2.0 * np.log1p(-rng.random(missing)))
        kept.append(proposal[rng.random(missing) * proposal < threshold_sigma])
    return np.concatenate(kept)


def noise_sites(
    rng: np.random.Generator,
    block: ReadoutBlock,
    shape: tuple[int, ...],
    *,
    axis: int | None,
    sigma_adc: float,
    threshold_adc: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sites of a block where Gaussian noise alone exceeds the threshold.

    Args:
        rng: source of randomness.
        block: the part of the image.
        shape: of the image.
        axis: along which noise sites follow each other in streaks; None for noise without streaks.
        sigma_adc: standard deviation of the noise [ADC]; 0 for none.
        threshold_adc: least stored value [ADC].
    Returns:
        int64[N] ascending site ids in the image, float64[N] values. A site drawn twice counts once, and a streak ends
        at the edge of the block: both take away about 1 %.
    """
    if sigma_adc == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    threshold_sigma = threshold_adc / sigma_adc
    num = int(rng.binomial(block.num_sites, tail_probability(threshold_sigma)))
    heads = rng.integers(block.num_sites, size=round(num / block.streak))
    length = rng.geometric(1.0 / block.streak, size=len(heads))
    extent = tuple(len(each) for each in block.sites)
    coords = [np.repeat(coord, length) for coord in np.unravel_index(heads, extent)]
    if axis is not None:
        coords[axis] += streak_offsets(rng, length)
    inside = np.logical_and.reduce([coord < num for coord, num in zip(coords, extent, strict=True)])
    placed = tuple(coord[inside] + each.start for coord, each in zip(coords, block.sites, strict=True))
    sites = np.sort(np.ravel_multi_index(placed, shape))
    sites = sites[np.diff(sites, prepend=-1) > 0]
    return sites, sigma_adc * tail_normal(rng, len(sites), threshold_sigma)


def streak_offsets(rng: np.random.Generator, length: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[sum of length], distance of each site from the first of its streak: 0, then ever farther."""
    first = np.cumsum(length) - length
    travelled = np.cumsum(rng.geometric(1.0 / STREAK_GAP, size=int(length.sum())))
    return np.asarray(travelled - np.repeat(travelled[first], length), np.int64)
