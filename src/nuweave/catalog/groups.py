"""Groups of events that must stay together, and which part each group goes to.

Shape letters: E events, G groups, C classes, P parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_SWEEPS = 20
MAX_PARTNERS = 512  # groups that a swap is tried with; keeps a sweep linear in the number of groups


def join_groups(sources: Sequence[str], seeds: Sequence[str | None]) -> NDArray[np.int64]:
    """Events that share a source or a generator seed, directly or through other events, are one group.

    Args:
        sources: E source files.
        seeds: E generator seeds; None is unknown and joins nothing.
    Returns:
        int64[E], number of the group, in order of first appearance.
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for source, seed in dict.fromkeys(zip(sources, seeds, strict=True)):
        source_root = root(("source", source))
        if seed is not None:
            parent[root(("seed", seed))] = source_root
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault(root(("source", source)), len(numbers)) for source in sources], np.int64)


def assign_groups(
    counts_GC: NDArray[np.int64], shares_P: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each group to a part so that every part holds its share of every class, as well as whole groups allow.

    Largest groups first, each where it is missed most; then groups are moved and swapped while that helps. What is made
    small is sum over parts and classes of (events - wanted)^2 / wanted. No part is left empty.

    Args:
        counts_GC: events of each class in each group; every class has some, and G >= P.
        shares_P: wanted share of each part, all positive.
        rng: decides between equals.
    Returns:
        int64[G], the part of each group.
    """
    wanted_PC = shares_P[:, None] * counts_GC.sum(axis=0)
    excess_PC = -wanted_PC
    part_G = np.full(len(counts_GC), -1, np.int64)
    shuffled = rng.permutation(len(counts_GC))
    largest_first = shuffled[np.argsort(-counts_GC[shuffled].sum(axis=1), kind="stable")]
    for done, group in enumerate(largest_first):
        cost_P = _change(excess_PC, wanted_PC, counts_GC[group])
        empty = np.bincount(part_G[part_G >= 0], minlength=len(shares_P)) == 0
        if empty.sum() == len(counts_GC) - done:
            cost_P[~empty] = np.inf
        part_G[group] = np.argmin(cost_P)
        excess_PC[part_G[group]] += counts_GC[group]
    for _ in range(MAX_SWEEPS):
        improved = [_improve(group, part_G, counts_GC, excess_PC, wanted_PC, rng) for group in largest_first]
        if not any(improved):
            break
    return part_G


def _change(excess: NDArray[np.float64], wanted: NDArray[np.float64], added: NDArray[np.int64]) -> NDArray[np.float64]:
    """By how much the sum grows when `added` events of each class (last axis) come to a part."""
    return np.asarray(((2 * excess + added) * added / wanted).sum(axis=-1))


def _improve(
    group: int,
    part_G: NDArray[np.int64],
    counts_GC: NDArray[np.int64],
    excess_PC: NDArray[np.float64],
    wanted_PC: NDArray[np.float64],
    rng: np.random.Generator,
) -> bool:
    """Make the best move or swap of one group, if there is one that helps; changes part_G and excess_PC."""
    home = part_G[group]
    partners = np.flatnonzero(part_G != home)
    if len(partners) > MAX_PARTNERS:
        partners = rng.choice(partners, MAX_PARTNERS, replace=False)
    gain_JC = counts_GC[partners] - counts_GC[group]
    away = part_G[partners]
    swap_J = _change(excess_PC[home], wanted_PC[home], gain_JC) + _change(excess_PC[away], wanted_PC[away], -gain_JC)
    move_P = _change(excess_PC[home], wanted_PC[home], -counts_GC[group]) + _change(
        excess_PC, wanted_PC, counts_GC[group]
    )
    move_P[home] = np.inf
    if (part_G == home).sum() == 1:
        move_P[:] = np.inf
    best = np.concatenate([move_P, swap_J])
    choice = int(np.argmin(best))
    if best[choice] > -1e-9:
        return False
    if choice < len(move_P):
        target, moved_C = choice, counts_GC[group]
    else:
        partner = partners[choice - len(move_P)]
        target, moved_C = int(part_G[partner]), counts_GC[group] - counts_GC[partner]
        part_G[partner] = home
    part_G[group] = target
    excess_PC[home] -= moved_C
    excess_PC[target] += moved_C
    return True
