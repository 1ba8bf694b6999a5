"""Loops over the pieces and sites of an event, compiled.

Sites are numbered in the order in which they are met, by a hash table: an image has millions, an event thousands.

Shape letters: M pieces of deposits, Q nodes of their clouds, S different sites, N any sites,
D axes of an image, K labels, B blocks, T taps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.compiled import compiler

compiled = compiler(__file__)

FREE = -1  # a place of the table that is not taken
SCATTER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbours land far apart (Knuth's hash)
NUM_NODES = 3
# three-point Gauss-Hermite rule: a normal cloud as three points along each axis, exact up to its fifth moment
NODE_SIGMAS = (-math.sqrt(3.0), 0.0, math.sqrt(3.0))
NODE_WEIGHTS = (1 / 6, 2 / 3, 1 / 6)


@compiled
def new_table(room: int) -> NDArray[np.int32]:
    """A table for up to `room` sites, at most half full."""
    size = 8
    while size < 2 * room:
        size *= 2
    return np.full(size, FREE, np.int32)


@compiled
def look_up(table: NDArray[np.int32], sites: NDArray[np.int64], site: int) -> np.int64:
    """The place of the table with the number of a site, or the free place where it belongs."""
    mask = len(table) - 1
    place = np.int64((np.uint64(site) * SCATTER) >> np.uint64(32)) & mask
    while table[place] != FREE and sites[table[place]] != site:
        place = (place + 1) & mask
    return place


@compiled
def number_sites(ids_N: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[S] the different ids in the order in which they are met, int64[N] which of them each is."""
    table, sites, number_N = new_table(len(ids_N)), np.empty(len(ids_N), np.int64), np.empty(len(ids_N), np.int64)
    num = 0
    for n in range(len(ids_N)):
        place = look_up(table, sites, ids_N[n])
        if table[place] == FREE:
            table[place], sites[num] = num, ids_N[n]
            num += 1
        number_N[n] = table[place]
    return sites[:num], number_N


@compiled
def are_among(ids_N: NDArray[np.int64], sites_S: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[N], whether each id is one of the sites, which differ from each other."""
    table, found_N = new_table(len(sites_S)), np.empty(len(ids_N), np.bool_)
    for s in range(len(sites_S)):
        table[look_up(table, sites_S, sites_S[s])] = s
    for n in range(len(ids_N)):
        found_N[n] = table[look_up(table, sites_S, ids_N[n])] != FREE
    return found_N


@compiled
def merged_ids(
    ids_N: NDArray[np.int64], shape_D: NDArray[np.int64], merged_D: NDArray[np.int64], factor: int
) -> NDArray[np.int64]:
    """int64[N], the site of an image of shape `merged_D` that each site of one of `shape_D` becomes part of."""
    merged_N = np.zeros(len(ids_N), np.int64)
    for n in range(len(ids_N)):
        rest, stride = ids_N[n], 1
        for axis in range(len(shape_D) - 1, -1, -1):
            merged_N[n] += rest % shape_D[axis] // factor * stride
            rest //= shape_D[axis]
            stride *= merged_D[axis]
    return merged_N


@compiled
def labels_of_largest(
    of_N: NDArray[np.int64], labels_N: NDArray[np.float32], values_N: NDArray[np.float32], num_merged: int, nothing: int
) -> NDArray[np.float32]:
    """float32[merged], the label at the largest value among those that are not `nothing`; of several the first."""
    labels, largest = np.full(num_merged, nothing, np.float32), np.empty(num_merged, np.float32)
    for n in range(len(of_N)):
        k = of_N[n]
        if labels_N[n] != nothing and (labels[k] == nothing or values_N[n] > largest[k]):
            labels[k], largest[k] = labels_N[n], values_N[n]
    return labels


@compiled
def noisy_sites(
    rng: np.random.Generator,
    sites_S: NDArray[np.int64],
    adc_S: NDArray[np.float64],
    shape_D: NDArray[np.int64],
    bounds_B2D: NDArray[np.int64],
    noise_adc_B: NDArray[np.float64],
    threshold_adc: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Add noise to a signal and keep what reaches the threshold.

    Args:
        rng: source of the noise.
        sites_S, adc_S: sites with a signal, and the signal.
        shape_D: of the image.
        bounds_B2D: first and one past the last site of each block along each axis; sites in none are dropped.
        noise_adc_B: standard deviation of the noise in each block.
        threshold_adc: least value that is kept.
    Returns:
        int64[kept] positions in `sites_S`, float64[kept] values.
    """
    kept, values, coord_D = np.empty(len(sites_S), np.int64), np.empty(len(sites_S)), np.empty_like(shape_D)
    num = 0
    for s in range(len(sites_S)):
        rest = sites_S[s]
        for axis in range(len(shape_D) - 1, -1, -1):
            coord_D[axis] = rest % shape_D[axis]
            rest //= shape_D[axis]
        for block in range(len(bounds_B2D)):
            inside = True
            for axis in range(len(shape_D)):
                inside &= bounds_B2D[block, 0, axis] <= coord_D[axis] < bounds_B2D[block, 1, axis]
            if inside:
                value = adc_S[s] + noise_adc_B[block] * rng.standard_normal()
                if value >= threshold_adc:
                    kept[num], values[num] = s, value
                    num += 1
                break
    return kept[:num], values[:num]


@compiled
def spread_pieces(
    coords_MD: NDArray[np.float64],
    sigma_MD: NDArray[np.float64],
    bounds_2D: NDArray[np.int64],
    shape_D: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int32]]:
    """The sites that each piece reaches, as a cloud of nodes.

    Args:
        coords_MD, sigma_MD: centre and standard deviations of each cloud, in sites.
        bounds_2D: first and one past the last site along each axis; nodes outside are left out.
        shape_D: of the image.
    Returns:
        int64[Q] sites, float64[Q] the share of the piece that each takes, int32[Q] the piece.
    """
    num_axes, num = len(shape_D), 0
    room = len(coords_MD) * NUM_NODES**num_axes
    ids, shares, pieces = np.empty(room, np.int64), np.empty(room), np.empty(room, np.int32)
    at, weight = np.empty(NUM_NODES, np.int64), np.empty(NUM_NODES)
    for m in range(len(coords_MD)):
        here, ids[num], shares[num] = 1, 0, 1.0
        for axis in range(num_axes):
            different = 0
            for node in range(NUM_NODES):
                nearest = np.rint(coords_MD[m, axis] + NODE_SIGMAS[node] * sigma_MD[m, axis])
                if not bounds_2D[0, axis] <= nearest < bounds_2D[1, axis]:
                    continue
                if different and at[different - 1] == nearest:
                    weight[different - 1] += NODE_WEIGHTS[node]
                else:
                    at[different], weight[different] = np.int64(nearest), NODE_WEIGHTS[node]
                    different += 1
            for k in range(here - 1, -1, -1):  # from behind: what is read is not yet overwritten
                row, share = ids[num + k] * shape_D[axis], shares[num + k]
                for node in range(different):
                    ids[num + k * different + node] = row + at[node]
                    shares[num + k * different + node] = share * weight[node]
            here *= different
        pieces[num : num + here] = m
        num += here
    return ids[:num], shares[:num], pieces[:num]


@compiled
def add_up(
    number_Q: NDArray[np.int64],
    share_Q: NDArray[np.float64],
    piece_Q: NDArray[np.int32],
    amounts_M2: NDArray[np.float64],
    columns_M2: NDArray[np.int8],
    num_sites: int,
    num_columns: int,
) -> NDArray[np.float64]:
    """Sums of what nodes bring to their sites.

    Args:
        number_Q, share_Q, piece_Q: number of the site of each node, its share and its piece.
        amounts_M2: two amounts of each piece, which go to columns 0 and 1.
        columns_M2: columns beside 0 and 1 to which the second amount goes as well.
        num_sites, num_columns: of the sums.
    Returns:
        float64[sites, columns].
    """
    sums = np.zeros((num_sites, num_columns))
    for q in range(len(number_Q)):
        s, m = number_Q[q], piece_Q[q]
        for column in range(2):
            sums[s, column] += share_Q[q] * amounts_M2[m, column]
            sums[s, columns_M2[m, column]] += share_Q[q] * amounts_M2[m, 1]
    return sums


@compiled
def smear_charge(
    sites_S: NDArray[np.int64],
    electrons_S: NDArray[np.float64],
    taps_T: NDArray[np.float64],
    stride: int,
    length: int,
    bounds_2: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Share out the charge of each site among its neighbours along an axis.

    Args:
        sites_S: different sites.
        electrons_S: their charge.
        taps_T: shares, that of the site itself in the middle.
        stride, length: of the axis: from a site to the next, and number of sites.
        bounds_2: first and one past the last site along the axis that can take charge.
    Returns:
        sites, those of `sites_S` first, and their charge.
    """
    num, half = len(sites_S), len(taps_T) // 2
    room = num * len(taps_T)
    table, sites, electrons = new_table(room), np.empty(room, np.int64), np.zeros(room)
    sites[:num] = sites_S
    for s in range(num):
        table[look_up(table, sites, sites_S[s])] = s
    for s in range(len(sites_S)):
        position = sites_S[s] // stride % length
        for tap in range(len(taps_T)):
            offset = tap - half
            if not bounds_2[0] <= position + offset < bounds_2[1]:
                continue
            site = sites_S[s] + offset * stride
            place = look_up(table, sites, site)
            if table[place] == FREE:
                table[place], sites[num] = num, site
                num += 1
            electrons[table[place]] += taps_T[tap] * electrons_S[s]
    return sites[:num], electrons[:num]


@compiled
def dominant_labels(mev_SK: NDArray[np.float64]) -> NDArray[np.int8]:
    """int8[S], the label with most energy; of several the lowest."""
    labels = np.empty(len(mev_SK), np.int8)
    for s in range(len(mev_SK)):
        best = 0
        for label in range(1, mev_SK.shape[1]):
            if mev_SK[s, label] > mev_SK[s, best]:
                best = label
        labels[s] = best
    return labels
