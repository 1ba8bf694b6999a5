"""The model of step time: numbers that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.bench.scaling import (
    POLARIS,
    Cluster,
    Link,
    Training,
    batch_sizes,
    exchange_s,
    fitted_link,
    polaris_table,
    ring_s,
    slowest,
    step_s,
)

LINK = Link(bytes_per_s=100.0, latency_s=0.5)
CLUSTER = Cluster(4, inside=LINK, between=Link(10.0, 2.0), read_bytes_per_s=1000.0)
CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_ring_passes_an_nth_of_the_bytes_twice_around() -> None:
    assert ring_s(1, 400, LINK) == 0
    assert ring_s(2, 400, LINK) == 2 * (2.0 + 0.5)
    assert ring_s(4, 400, LINK) == 6 * (1.0 + 0.5)


def test_within_a_node_only_its_own_links_are_used_beyond_it_both() -> None:
    assert exchange_s(4, 400, CLUSTER) == ring_s(4, 400, LINK)
    assert exchange_s(8, 400, CLUSTER) == ring_s(4, 400, LINK) + ring_s(2, 400, CLUSTER.between)


def test_the_link_is_found_from_times_of_sums_over_it() -> None:
    link = fitted_link({size: ring_s(2, size, LINK) for size in (100, 1000, 10_000)}, 2)
    assert (link.bytes_per_s, link.latency_s) == pytest.approx((100.0, 0.5))


def test_a_time_that_falls_to_nothing_has_no_latency_below_zero() -> None:
    assert fitted_link({100: 0.5, 200: 1.1}, 2).latency_s == 0


def test_the_slowest_of_two_is_the_mean_of_all_pairs() -> None:
    sizes = [1.0, 2.0, 6.0]
    pairs = [max(one, other) for one in sizes for other in sizes]
    assert slowest(sizes, 2) == pytest.approx(np.mean(pairs) / 3)
    assert slowest(sizes, 1) == 1
    assert slowest(sizes, 10_000) == pytest.approx(2)


def test_large_batches_differ_less() -> None:
    spreads = [float(costs.std() / costs.mean()) for costs in (batch_sizes([1.0, 3.0], num) for num in (1, 4, 16))]
    assert spreads == pytest.approx([0.5, 0.25, 0.125], rel=0.1)


def test_a_step_is_the_slowest_rank_and_the_exchange_or_the_reading_if_that_takes_longer() -> None:
    training = Training(compute_s=3.0, gradient_bytes=400)
    assert step_s(training, 4, CLUSTER) == 3.0 + ring_s(4, 400, LINK)
    assert step_s(replace(training, sizes=[1.0, 1.0, 4.0]), 1000, CLUSTER) > 2 * 3.0
    assert step_s(replace(training, batch=10, event_bytes=1000), 4, CLUSTER) == 4 * 10 * 1000 / 1000.0


def test_the_model_meets_the_point_that_it_is_anchored_at_and_never_falls_below_those_published() -> None:
    rows = [line.replace("%", "").replace(",", "").split("|")[1:-1] for line in polaris_table().splitlines()[2:]]
    assert rows[0][1].split() == rows[0][3].split()
    assert all(float(row[3]) >= float(row[1]) for row in rows)


def test_a_tenth_of_the_bandwidth_would_not_explain_what_was_published() -> None:
    """docs/scaling.md says so."""
    slow = replace(POLARIS, between=replace(POLARIS.between, bytes_per_s=POLARIS.between.bytes_per_s / 10))
    assert exchange_s(1024, 4 * 18_382_131, slow) < 0.05


def test_the_table_of_the_document_is_that_of_the_model() -> None:
    assert polaris_table() in (CHECKOUT / "docs" / "scaling.md").read_text(), polaris_table()
