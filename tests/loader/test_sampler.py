"""Every event once an epoch, in an order of seed, epoch and manifest alone; any place is found without a walk."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nuweave.loader import sampler as module
from nuweave.loader.errors import LoaderError
from nuweave.loader.sampler import ORDER_VERSION, START, GlobalBatch, Order, Place, Sampler

Remainder = Literal["carry", "drop_last", "pad"]
REMAINDERS: tuple[Remainder, ...] = ("carry", "drop_last", "pad")
MANIFEST = "0123456789abcdef" * 4


def _order(num_events: int, *, seed: int = 1, block: int = 2, window: int = 2, manifest: str = MANIFEST) -> Order:
    return Order(num_events, seed, manifest, block_events=block, window_blocks=window)


def _whole(order: Order, epoch: int = 0) -> list[int]:
    return [int(entry) for entry in order.epoch(epoch, 0, order.num_events)]


def _plain(batch: GlobalBatch) -> tuple[Place, Place, list[int], list[int]]:
    return batch.start, batch.end, batch.entries.tolist(), batch.epochs.tolist()


def _walk(sampler: Sampler, num_batches: int, at: Place = START) -> list[tuple[Place, Place, list[int], list[int]]]:
    return [_plain(batch) for batch in islice(sampler.batches(at), num_batches)]


def test_the_order_of_version_1_is_this_one() -> None:
    # nine events in blocks 01 23 45 67 8, shuffled to 67 45 | 01 23 | 8, then within each window
    order = Order(9, 1, "0" * 64, block_events=2, window_blocks=2)
    assert ORDER_VERSION == 1, "write down the new order below"
    assert _whole(order) == [5, 7, 6, 4, 3, 1, 2, 0, 8]
    # now the short block comes first, so that the first window has three events: 8 01 | 67 45 | 23
    assert _whole(order, epoch=1) == [0, 8, 1, 6, 7, 4, 5, 3, 2]


@pytest.mark.parametrize("num_events", [*range(1, 41), 97, 211])
@pytest.mark.parametrize(("block", "window"), [(1, 1), (2, 3), (5, 2), (64, 1)])
def test_an_epoch_is_a_permutation(num_events: int, block: int, window: int) -> None:
    for epoch in range(3):
        order = _order(num_events, block=block, window=window)
        assert sorted(_whole(order, epoch)) == list(range(num_events))


@given(
    num_events=st.integers(1, 300),
    block=st.integers(1, 20),
    window=st.integers(1, 9),
    epoch=st.integers(0, 2**40),
    seed=st.integers(0, 2**64 - 1),
    cuts=st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
@settings(max_examples=100, deadline=None)
def test_any_piece_is_the_piece_of_the_whole_permutation(
    num_events: int, block: int, window: int, epoch: int, seed: int, cuts: tuple[int, int]
) -> None:
    order = _order(num_events, seed=seed, block=block, window=window)
    start, stop = sorted(min(cut, num_events) for cut in cuts)
    whole = _whole(order, epoch)
    assert sorted(whole) == list(range(num_events))
    assert order.epoch(epoch, start, stop).tolist() == whole[start:stop]


def test_epochs_seeds_and_manifests_differ() -> None:
    other = "f" + MANIFEST[1:]
    orders = [_order(50, seed=seed, manifest=manifest) for seed in (1, 2) for manifest in (MANIFEST, other)]
    assert len({tuple(_whole(order, epoch)) for order in orders for epoch in (0, 1, 2)}) == 12
    assert _whole(_order(50)) == _whole(_order(50))


def test_a_window_reads_a_few_blocks_and_no_other_window_reads_them() -> None:
    order = _order(43, block=4, window=3)  # eleven blocks, the last one of three events
    for epoch in range(8):  # the short block falls into different windows
        windows = [module._shuffled_window(order, epoch, window) for window in range(4)]
        blocks = [set((entries // 4).tolist()) for entries in windows]
        assert [len(of_window) for of_window in blocks] == [3, 3, 3, 2]
        assert set.union(*blocks) == set(range(11))
        assert np.concatenate(windows).tolist() == _whole(order, epoch)


def test_events_near_the_end_of_a_large_file_cost_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    permutation = module._permutation

    def counted(order: Order, length: int, *, epoch: int, purpose: int, window: int = 0) -> NDArray[np.int64]:
        drawn.append(length)
        return permutation(order, length, epoch=epoch, purpose=purpose, window=window)

    monkeypatch.setattr(module, "_permutation", counted)
    order = Order(10**8, 5, MANIFEST)
    num_blocks = 390_625  # of 256 events
    last = num_blocks % 16 * 256  # events of the last window
    assert len(order.epoch(0, 10**8 - 100, 10**8)) == 100
    assert drawn == [num_blocks, last]
    assert len(order.epoch(0, 5 * 10**7, 5 * 10**7 + 100)) == 100
    assert drawn == [num_blocks, last, 16 * 256]
    order.epoch(0, 5 * 10**7 + 100, 5 * 10**7 + 200)
    assert len(drawn) == 3


@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize("per_rank", [1, 3])
def test_ranks_together_see_every_event_once_an_epoch(world: int, per_rank: int) -> None:
    for num_events in {1, max(1, world - 1), 7, 13}:
        sampler = Sampler(_order(num_events), world * per_rank)
        seen: dict[int, list[int]] = {}
        for batch in islice(sampler.batches(), 3 * num_events):  # as many batches as make whole epochs
            for rank in range(world):
                for entry, epoch in zip(*batch.share(rank, world), strict=True):
                    seen.setdefault(int(epoch), []).append(int(entry))
        assert sorted(seen) == list(range(3 * world * per_rank))
        assert all(sorted(entries) == list(range(num_events)) for entries in seen.values())


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_the_batch_does_not_know_how_many_ranks_share_it(world: int) -> None:
    batch = Sampler(_order(7), 6).batch(Place(0, 4))
    shares = [batch.share(rank, world) for rank in range(world)]
    assert [int(shares[i % world][0][i // world]) for i in range(6)] == batch.entries.tolist()
    assert [int(shares[i % world][1][i // world]) for i in range(6)] == batch.epochs.tolist()
    assert sum(len(entries) for entries, _ in shares) == 6


def test_carry_goes_over_into_the_next_epoch() -> None:
    order = _order(7)
    first, second, third = islice(Sampler(order, 3).batches(), 3)
    assert first.entries.tolist() + second.entries.tolist() + third.entries.tolist() == [
        *_whole(order, 0),
        *_whole(order, 1)[:2],
    ]
    assert third.epochs.tolist() == [0, 1, 1]
    assert (third.start, third.end) == (Place(0, 6), Place(1, 2))


def test_drop_last_leaves_the_rest_out_and_counts_it() -> None:
    order = _order(7)
    sampler = Sampler(order, 3, "drop_last")
    assert (sampler.steps_per_epoch, sampler.dropped_per_epoch, sampler.padded_per_epoch) == (2, 1, 0)
    first, second, third = islice(sampler.batches(), 3)
    assert first.entries.tolist() + second.entries.tolist() == _whole(order, 0)[:6]
    assert third.entries.tolist() == _whole(order, 1)[:3]
    assert (second.end, third.start) == (Place(1, 0), Place(1, 0))


def test_pad_fills_up_from_the_same_epoch_and_counts_it() -> None:
    order = _order(7)
    sampler = Sampler(order, 3, "pad")
    assert (sampler.steps_per_epoch, sampler.dropped_per_epoch, sampler.padded_per_epoch) == (3, 0, 2)
    third, fourth = islice(sampler.batches(Place(0, 6)), 2)
    assert third.entries.tolist() == [_whole(order, 0)[6], *_whole(order, 0)[:2]]
    assert (third.epochs.tolist(), third.end) == ([0, 0, 0], Place(1, 0))
    assert fourth.entries.tolist() == _whole(order, 1)[:3]


def test_pad_goes_round_a_file_smaller_than_the_batch() -> None:
    order = _order(2)
    sampler = Sampler(order, 5, "pad")
    a, b = _whole(order)
    assert sampler.batch(START).entries.tolist() == [a, b, a, b, a]
    assert sampler.batch(START).end == Place(1, 0)
    assert (sampler.steps_per_epoch, sampler.padded_per_epoch) == (1, 3)


@pytest.mark.parametrize("num_events", [1, 6, 7, 13])
@pytest.mark.parametrize("global_batch", [1, 2, 3, 6])
def test_counts_of_an_epoch_are_those_of_its_batches(num_events: int, global_batch: int) -> None:
    for remainder in REMAINDERS:
        if remainder == "drop_last" and num_events < global_batch:
            continue
        sampler = Sampler(_order(num_events), global_batch, remainder)
        num_batches = round(6 * sampler.steps_per_epoch)  # six epochs end with a batch in every case
        given = [entry for batch in islice(sampler.batches(), num_batches) for entry in batch.entries]
        assert sampler.batch(sampler.seek(num_batches)).start == Place(6, 0)
        assert len(given) == 6 * (num_events - sampler.dropped_per_epoch + sampler.padded_per_epoch)
        if remainder != "drop_last":
            assert set(given) == set(range(num_events))


@pytest.mark.parametrize("remainder", REMAINDERS)
@pytest.mark.parametrize("num_events", [7, 12])
def test_seek_finds_the_step_that_a_walk_reaches(remainder: Remainder, num_events: int) -> None:
    sampler = Sampler(_order(num_events), 4, remainder)
    for step, batch in enumerate(islice(sampler.batches(), 12)):
        assert sampler.seek(step) == batch.start


@pytest.mark.parametrize(
    ("remainder", "max_sites"), [("carry", None), ("drop_last", None), ("pad", None), ("carry", 9)]
)
def test_a_stream_restored_at_any_batch_goes_on_with_the_same_batches(
    remainder: Remainder, max_sites: int | None
) -> None:
    sites = np.array([5, 1, 0, 9, 2, 2, 3]) if max_sites else None
    sampler = Sampler(_order(7), 3, remainder, max_sites, sites)
    whole = _walk(sampler, 12)
    for done, batch in enumerate(islice(sampler.batches(), 11), start=1):
        state = json.loads(json.dumps(sampler.state(batch.end)))
        again = Sampler(_order(7), 3, remainder, max_sites, sites)
        assert _walk(again, 12 - done, again.restore(state)) == whole[done:]


def test_a_restored_stream_may_have_another_batch_size() -> None:
    order = _order(7)
    place = Sampler(order, 2).restore(Sampler(order, 3).state(Place(0, 3)))
    assert Sampler(order, 2).batch(place).entries.tolist() == _whole(order)[3:5]
    # four events are left, fewer than five: the rest is dropped
    state = Sampler(order, 3, "drop_last").state(Place(0, 3))
    larger = Sampler(order, 5, "drop_last")
    assert larger.batch(larger.restore(state)).start == Place(1, 0)


def test_a_site_budget_takes_events_in_order_while_both_bounds_hold() -> None:
    order = _order(7)
    sites = np.zeros(7, np.int64)
    sites[_whole(order)] = [4, 6, 1, 10, 0, 0, 3]  # in the order of the first epoch
    sampler = Sampler(order, 3, max_sites=10, sites=sites)
    first, second, third, fourth = islice(sampler.batches(), 4)
    assert [sites[batch.entries].tolist() for batch in (first, second, third)] == [[4, 6], [1], [10, 0, 0]]
    assert (fourth.start, sites[fourth.entries[0]]) == (Place(0, 6), 3)


@given(
    sites=st.lists(st.integers(0, 20), min_size=1, max_size=30),
    global_batch=st.integers(1, 8),
    slack=st.integers(0, 30),
)
@settings(max_examples=50, deadline=None)
def test_a_site_budget_loses_nothing_and_is_never_exceeded(sites: list[int], global_batch: int, slack: int) -> None:
    budget = max(sites) + slack
    order = _order(len(sites))
    sampler = Sampler(order, global_batch, max_sites=budget, sites=np.array(sites))
    given_events: list[int] = []
    for batch in sampler.batches():
        assert 1 <= len(batch.entries) <= global_batch
        assert sum(sites[entry] for entry in batch.entries) <= budget
        given_events += batch.entries.tolist()
        if batch.end.epoch >= 2:
            break
    assert given_events[: 2 * len(sites)] == _whole(order, 0) + _whole(order, 1)


def test_settings_that_make_no_batches_are_refused() -> None:
    with pytest.raises(LoaderError, match="the training file has no events; at least one is needed"):
        _order(0)
    with pytest.raises(LoaderError, match="global_batch=0: a batch needs an event; set it to 1 or more"):
        Sampler(_order(3), 0)
    with pytest.raises(
        LoaderError, match="all 3 events, fewer than global_batch=4; lower global_batch to 3, or set remainder=carry"
    ):
        Sampler(_order(3), 4, "drop_last")


def test_an_event_larger_than_the_site_budget_is_refused_by_name() -> None:
    with pytest.raises(LoaderError, match=r"entry 1 has 9 sites, more than max_sites=8 .* set max_sites to 9 or more"):
        Sampler(_order(3), 2, max_sites=8, sites=np.array([1, 9, 8]))


@pytest.mark.parametrize("remainder", ["drop_last", "pad"])
def test_a_site_budget_has_no_remainder(remainder: Remainder) -> None:
    with pytest.raises(LoaderError, match=f"remainder={remainder} needs batches of one size, max_sites=8 makes them"):
        Sampler(_order(3), 2, remainder, max_sites=8, sites=np.array([1, 2, 3]))


def test_a_site_budget_needs_the_sites_and_has_no_steps() -> None:
    for sites in (None, np.array([1, 2])):
        with pytest.raises(ValueError, match="max_sites=8 needs `sites`, a number for each of the 3 events"):
            Sampler(_order(3), 2, max_sites=8, sites=sites)
    sampler = Sampler(_order(3), 2, max_sites=8, sites=np.array([1, 2, 3]))
    with pytest.raises(ValueError, match=r"seek: with max_sites=8 .* keep state\(\) of the place instead"):
        sampler.seek(1)
    with pytest.raises(ValueError, match="steps_per_epoch: with max_sites=8"):
        _ = sampler.steps_per_epoch


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (_order(8, seed=2), "the order of events changed: seed 1 was saved, 2 is here; set seed=1, or start anew"),
        (
            _order(8, manifest="f" * 64),
            "the events of the training file changed: manifest 0123456789abcdef0123 was saved, f{20} is here; "
            "put the old file back, or start anew",
        ),
        (_order(9), "the events of the training file changed: num_events 8 was saved, 9 is here; put the old"),
        (_order(8, block=3), "the order of events changed: block_events 2 was saved, 3 is here; set block_events=2"),
        (_order(8, window=3), "the order of events changed: window_blocks 2 was saved, 3 is here; set window_blocks=2"),
    ],
)
def test_a_state_of_another_order_is_refused_by_name(order: Order, message: str) -> None:
    state = Sampler(_order(8), 2).state(Place(3, 4))
    with pytest.raises(LoaderError, match=f"^resume: {message}"):
        Sampler(order, 2).restore(state)


def test_a_state_with_another_remainder_or_version_or_a_hole_is_refused_by_name() -> None:
    sampler = Sampler(_order(8), 2)
    state = sampler.state(Place(3, 4))
    assert sampler.restore(state) == Place(3, 4)
    with pytest.raises(LoaderError, match="remainder carry was saved, pad is here; set remainder=carry"):
        replace(sampler, remainder="pad").restore(state)
    with pytest.raises(LoaderError, match="the way to draw the order changed: version 0 was saved, 1 is here; go on"):
        sampler.restore(state | {"version": 0, "seed": 7})
    del state["position"]
    with pytest.raises(LoaderError, match="the saved state of the loader has no position; use an undamaged checkpoint"):
        sampler.restore(state)


def test_nothing_of_the_ranks_is_in_the_state() -> None:
    state = Sampler(_order(8), 2).state(START)
    names = ["version", "seed", "manifest", "num_events", "block_events", "window_blocks", "remainder"]
    assert list(state) == [*names, "epoch", "position"]
