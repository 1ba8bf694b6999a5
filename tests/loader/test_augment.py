"""Flips mirror the chosen axes, keep labels with their sites, and depend on seed, epoch and event alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nuweave.loader.augment import draw_flips, flip_event
from nuweave.loader.batch import Event
from nuweave.store import EventId, SparseImage
from tests import mock


def _event(shape: tuple[int, ...], seed: int, num_sites: int) -> Event:
    rng = np.random.default_rng(seed)
    images = [mock.image(rng, shape=shape, projection=plane, num_sites=num_sites) for plane in range(2)]
    return Event(EventId(0, 0, 0), images, [mock.labels(rng, image) for image in images], {"neutrino": 1})


def test_a_site_moves_to_the_mirrored_tick_of_its_wire() -> None:
    image = SparseImage(np.array([0, 7, 9]), np.array([1, 2, 3], np.float32), (2, 5))
    flipped = flip_event(Event(EventId(0, 0, 0), [image], None, {}), (False, True)).images[0]
    assert flipped.ids.tolist() == [4, 5, 7]
    assert flipped.values.tolist() == [1, 3, 2]


@given(
    shape=st.sampled_from([(4, 6), (3, 5), (2, 3, 7)]),
    seed=st.integers(0, 99),
    num_sites=st.integers(0, 15),
    bits=st.integers(0, 7),
)
@settings(max_examples=30, deadline=None)
def test_a_flip_equals_the_flip_of_the_dense_image_and_undoes_itself(
    shape: tuple[int, ...], seed: int, num_sites: int, bits: int
) -> None:
    flips = tuple(bool(bits >> axis & 1) for axis in range(len(shape)))
    event = _event(shape, seed, num_sites)
    once = flip_event(event, flips)
    twice = flip_event(once, flips)
    assert event.labels is not None
    assert once.labels is not None
    assert twice.labels is not None
    for before, after in zip([*event.images, *event.labels], [*once.images, *once.labels], strict=True):
        dense = np.full(shape, -1, np.float32)
        dense.flat[before.ids] = before.values
        mirrored = np.flip(dense, axis=tuple(axis for axis, flip in enumerate(flips) if flip)).ravel()
        assert after.ids.tolist() == np.flatnonzero(mirrored >= 0).tolist()
        assert after.values.tolist() == mirrored[mirrored >= 0].tolist()
    for before, after in zip([*event.images, *event.labels], [*twice.images, *twice.labels], strict=True):
        assert np.array_equal(before.ids, after.ids)
        assert np.array_equal(before.values, after.values)


def test_draws_are_fair_and_change_with_seed_epoch_and_event() -> None:
    draws = {
        (seed, epoch): [draw_flips(seed=seed, epoch=epoch, entry=entry, ndim=2) for entry in range(200)]
        for seed in (1, 2)
        for epoch in (0, 1)
    }
    assert draws[1, 0] == [draw_flips(seed=1, epoch=0, entry=entry, ndim=2) for entry in range(200)]
    assert len({tuple(draw) for draw in draws.values()}) == 4
    for axis in range(2):
        assert 0.4 < np.mean([draw[axis] for draw in draws[1, 0]]) < 0.6
    assert len(set(draws[1, 0])) == 4
