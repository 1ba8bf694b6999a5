"""Groups are what hangs together; parts follow the shares as well as whole groups allow."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuweave.catalog.groups import assign_groups, join_groups


def test_a_shared_source_or_seed_joins_directly_and_through_others() -> None:
    sources = ["a", "a", "b", "c", "d", "e"]
    seeds = ["1", "2", "2", "3", None, None]
    assert join_groups(sources, seeds).tolist() == [0, 0, 0, 1, 2, 3]
    assert join_groups(["a", "b", "c"], ["1", "2", "1"]).tolist() == [0, 1, 0]


def test_a_seed_and_a_source_of_one_name_are_different_things() -> None:
    assert join_groups(["a", "b"], ["b", "a"]).tolist() == [0, 1]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123456")), min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_groups_equal_the_closure_by_brute_force(rows: list[tuple[str, str]]) -> None:
    together = np.array([[one[0] == other[0] or one[1] == other[1] for other in rows] for one in rows])
    for _ in rows:
        together = together @ together
    groups = join_groups([source for source, _ in rows], [seed for _, seed in rows])
    assert ((groups[:, None] == groups) == together).all()


def _misfit(counts: np.ndarray, parts: np.ndarray, shares: np.ndarray) -> float:
    wanted = shares[:, None] * counts.sum(axis=0)
    found = np.stack([counts[parts == part].sum(axis=0) for part in range(len(shares))])
    return float(((found - wanted) ** 2 / wanted).sum())


@pytest.mark.parametrize("seed", range(5))
def test_misfit_is_close_to_the_best_of_all_assignments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 20, (8, 3))
    shares = np.array([0.6, 0.2, 0.2])
    every = (np.array(parts) for parts in product(range(3), repeat=8))
    best = min(_misfit(counts, parts, shares) for parts in every if len(set(parts)) == 3)
    found = _misfit(counts, assign_groups(counts, shares, rng), shares)
    anyhow = _misfit(counts, rng.permutation(np.arange(8) % 3), shares)
    assert best <= found <= best + 0.1 * (anyhow - best)


def test_equal_groups_are_shared_out_exactly() -> None:
    counts = np.full((20, 3), 25)
    parts = assign_groups(counts, np.array([0.7, 0.1, 0.2]), np.random.default_rng(0))
    assert np.bincount(parts).tolist() == [14, 2, 4]


def test_no_part_stays_empty_even_if_one_group_holds_nearly_all() -> None:
    counts = np.array([[1000], [1], [1]])
    parts = assign_groups(counts, np.array([0.9, 0.05, 0.05]), np.random.default_rng(0))
    assert sorted(parts.tolist()) == [0, 1, 2]


def test_many_groups_follow_the_shares_to_a_tenth_of_a_percent() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(25, (700, 3))
    parts = assign_groups(counts, np.array([0.7, 0.1, 0.2]), rng)
    found = np.stack([counts[parts == part].sum(axis=0) for part in range(3)]) / counts.sum(axis=0)
    assert np.abs(found - [[0.7], [0.1], [0.2]]).max() < 1e-3
