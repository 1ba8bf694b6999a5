"""Image, labels and vertex of an event move together, by a draw of seed, epoch and event alone.

Shape letters: N sites of a batch, B events, P planes, D axes of an image.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nuweave.loader.augment import Augmentation, Ranges, _philox, apply, draw
from nuweave.loader.errors import LoaderError

ALL = Ranges(flip=True, max_shift=(2, 1), scale=0.25)


class Sites(NamedTuple):
    """A batch as `apply` takes and gives it."""

    sites_N: Tensor
    images_N: Tensor
    values_N: Tensor
    labels_N: Tensor | None
    vertex_BP: Tensor


def _augmentation(
    flips: Sequence[Sequence[bool]], shifts: Sequence[Sequence[int]], scale: Sequence[float]
) -> Augmentation:
    return Augmentation(np.array(flips, bool), np.array(shifts, np.int64), np.array(scale, np.float32))


def _batch(shape: tuple[int, ...], *, num_events: int, num_planes: int, seed: int) -> Sites:
    """Images with each site on by a fair coin; values and labels count the sites; a vertex on some site or none."""
    rng = np.random.default_rng(seed)
    key_N = np.flatnonzero(rng.random(num_events * num_planes * math.prod(shape)) < 0.5)
    vertex_BP = rng.integers(-1, math.prod(shape), (num_events, num_planes))
    return Sites(
        torch.from_numpy(key_N % math.prod(shape)),
        torch.from_numpy(key_N // math.prod(shape)),
        torch.arange(1, len(key_N) + 1, dtype=torch.float32),
        torch.arange(1, len(key_N) + 1),
        torch.from_numpy(vertex_BP),
    )


def _apply(batch: Sites, augmentation: Augmentation, *, shape: tuple[int, ...], num_planes: int) -> Sites:
    sites_N, images_N, values_N, labels_N, vertex_BP = apply(
        *batch, shape=shape, num_planes=num_planes, augmentation=augmentation
    )
    assert vertex_BP is not None
    return Sites(sites_N, images_N, values_N, labels_N, vertex_BP)


def _move(dense: np.ndarray, flips: Sequence[bool], shifts: Sequence[int], outside: int) -> np.ndarray:
    """A dense image flipped and shifted site by site: the brute force to compare with."""
    moved = np.full_like(dense, outside)
    for index in np.ndindex(dense.shape):
        mirrored = [n - 1 - x if flip else x for x, n, flip in zip(index, dense.shape, flips, strict=True)]
        target = tuple(x + shift for x, shift in zip(mirrored, shifts, strict=True))
        if all(0 <= x < n for x, n in zip(target, dense.shape, strict=True)):
            moved[target] = dense[index]
    return moved


def test_a_shift_of_a_small_image_by_hand() -> None:
    # 4 x 3 sites, numbered along the rows; one row down, one column left:
    #   a . b        . . .
    #   . c .   ->   . b .
    #   . . .        c . .
    #   d . .        . . .      a and d leave to the left or below
    batch = Sites(
        torch.tensor([0, 2, 4, 9]),
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([1.0, 2.0, 3.0, 4.0]),
        torch.tensor([10, 20, 30, 40]),
        torch.tensor([[2]]),
    )
    moved = _apply(batch, _augmentation([[False, False]], [[1, -1]], [1]), shape=(4, 3), num_planes=1)
    assert moved.sites_N.tolist() == [4, 6]
    assert moved.values_N.tolist() == [2, 3]
    assert moved.labels_N is not None
    assert moved.labels_N.tolist() == [20, 30]
    assert moved.vertex_BP.tolist() == [[4]]


def test_the_flip_comes_before_the_shift() -> None:
    batch = Sites(torch.tensor([1]), torch.tensor([0]), torch.tensor([1.0]), None, torch.tensor([[0]]))
    moved = _apply(batch, _augmentation([[True, False]], [[-2, 0]], [1]), shape=(8, 1), num_planes=1)
    assert moved.sites_N.tolist() == [4]  # 1 -> 6 -> 4
    assert moved.vertex_BP.tolist() == [[5]]


def test_a_vertex_that_leaves_the_image_is_none_and_none_stays_none() -> None:
    batch = Sites(torch.tensor([3]), torch.tensor([0]), torch.tensor([1.0]), None, torch.tensor([[0, 3, -1]]))
    moved = _apply(batch, _augmentation([[False, False]], [[-1, 0]], [1]), shape=(2, 2), num_planes=3)
    assert moved.vertex_BP.tolist() == [[-1, 1, -1]]
    flipped = _apply(batch, _augmentation([[True, True]], [[0, 0]], [1]), shape=(2, 2), num_planes=3)
    assert flipped.vertex_BP.tolist() == [[3, 0, -1]]


def test_a_file_without_labels_and_vertices_needs_none() -> None:
    site_N, image_N, value_N = torch.tensor([0]), torch.tensor([0]), torch.tensor([1.0])
    flip = _augmentation([[True, False]], [[0, 0]], [1])
    moved = apply(site_N, image_N, value_N, None, None, shape=(4, 3), num_planes=1, augmentation=flip)
    assert moved[0].tolist() == [9]
    assert moved[3:] == (None, None)


@given(
    shape=st.sampled_from([(4, 3), (1, 5), (2, 3, 4)]),
    seed=st.integers(0, 99),
    num_planes=st.integers(1, 3),
    flip=st.booleans(),
    reach=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_image_label_and_vertex_move_as_dense_images_do(
    shape: tuple[int, ...], seed: int, num_planes: int, flip: bool, reach: int
) -> None:
    batch = _batch(shape, num_events=3, num_planes=num_planes, seed=seed)
    ranges = Ranges(flip=flip, max_shift=(reach,) * len(shape))
    augmentation = draw(ranges, seed=seed, entries=np.arange(3), epochs=np.zeros(3, np.int64), ndim=len(shape))
    moved = _apply(batch, augmentation, shape=shape, num_planes=num_planes)
    size = math.prod(shape)
    assert batch.labels_N is not None
    assert moved.labels_N is not None
    assert moved.values_N.long().tolist() == moved.labels_N.tolist()
    keys = (moved.images_N * size + moved.sites_N).tolist()
    assert keys == sorted(set(keys))
    for image in range(3 * num_planes):
        event, plane = divmod(image, num_planes)
        flips, shifts = augmentation.flips_BD[event], augmentation.shifts_BD[event]
        dense = np.zeros(size, np.int64)
        dense[batch.sites_N[batch.images_N == image]] = batch.labels_N[batch.images_N == image]
        after = np.zeros(size, np.int64)
        after[moved.sites_N[moved.images_N == image]] = moved.labels_N[moved.images_N == image]
        assert after.tolist() == _move(dense.reshape(shape), flips, shifts, 0).ravel().tolist()
        place = np.zeros(size, np.int64)
        if batch.vertex_BP[event, plane] >= 0:
            place[batch.vertex_BP[event, plane]] = 1
        found = np.flatnonzero(_move(place.reshape(shape), flips, shifts, 0)).tolist()
        assert [int(moved.vertex_BP[event, plane])] == (found or [-1])


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4)])
def test_a_flip_twice_gives_the_batch_back(shape: tuple[int, ...]) -> None:
    batch = _batch(shape, num_events=8, num_planes=2, seed=4)
    drawn = draw(Ranges(flip=True), seed=4, entries=np.arange(8), epochs=np.zeros(8, np.int64), ndim=len(shape))
    once = _apply(batch, drawn, shape=shape, num_planes=2)
    twice = _apply(once, drawn, shape=shape, num_planes=2)
    assert once.sites_N.tolist() != batch.sites_N.tolist()
    for before, after in zip(batch, twice, strict=True):
        assert before is not None
        assert after is not None
        assert torch.equal(before, after)


def test_a_scale_multiplies_the_values_of_its_event_alone_and_no_label() -> None:
    batch = Sites(
        torch.tensor([0, 5, 5]),
        torch.tensor([0, 1, 2]),
        torch.tensor([4.0, 8.0, 8.0]),
        torch.tensor([1, 2, 1]),
        torch.tensor([[0, 0], [1, 1]]),
    )
    scaled = _apply(batch, _augmentation([[False] * 2] * 2, [[0, 0]] * 2, [0.5, 1]), shape=(2, 3), num_planes=2)
    assert scaled.values_N.tolist() == [2, 4, 8]
    assert scaled.values_N.dtype == torch.float32
    for before, after in [(0, 0), (1, 1), (3, 3), (4, 4)]:
        assert scaled[after] is batch[before]


def test_what_nothing_happens_to_comes_back_untouched() -> None:
    batch = _batch((4, 3), num_events=3, num_planes=2, seed=1)
    nothing = draw(Ranges(), seed=1, entries=np.arange(3), epochs=np.zeros(3, np.int64), ndim=2)
    after = _apply(batch, nothing, shape=(4, 3), num_planes=2)
    assert all(one is other for one, other in zip(batch, after, strict=True))


def test_a_flip_leaves_the_other_events_where_they_were() -> None:
    batch = _batch((4, 3), num_events=3, num_planes=2, seed=1)
    one_of_three = _augmentation([[False] * 2, [True] * 2, [False] * 2], [[0, 0]] * 3, [1, 1, 1])
    moved = _apply(batch, one_of_three, shape=(4, 3), num_planes=2)
    for before, after in [(batch.sites_N, moved.sites_N), (batch.values_N, moved.values_N)]:
        others_N = batch.images_N // 2 != 1
        assert torch.equal(before[others_N], after[others_N])


@pytest.mark.parametrize("shift", [-4, 4])
def test_an_event_moved_out_of_its_image_has_no_sites(shift: int) -> None:
    batch = _batch((4, 3), num_events=1, num_planes=2, seed=1)
    moved = _apply(batch, _augmentation([[False, False]], [[shift, 0]], [1]), shape=(4, 3), num_planes=2)
    assert [len(tensor) for tensor in moved if tensor is not None] == [0, 0, 0, 0, 1]
    assert moved.vertex_BP.tolist() == [[-1, -1]]


@pytest.mark.parametrize("num_events", [0, 2])
@pytest.mark.parametrize("labelled", [False, True])
def test_a_batch_without_sites_or_events_is_no_exception(num_events: int, labelled: bool) -> None:
    none_N = torch.zeros(0, dtype=torch.int64)
    vertex_BP = torch.full((num_events, 3), -1)
    empty = Sites(none_N, none_N, torch.zeros(0), none_N if labelled else None, vertex_BP)
    drawn = draw(ALL, seed=2, entries=np.arange(num_events), epochs=np.zeros(num_events, np.int64), ndim=2)
    assert drawn.flips_BD.shape == drawn.shifts_BD.shape == (num_events, 2)
    moved = _apply(empty, drawn, shape=(4, 3), num_planes=3)
    assert [len(tensor) for tensor in moved[:3]] == [0, 0, 0]
    assert (moved.labels_N is None) != labelled
    assert torch.equal(moved.vertex_BP, vertex_BP)


def test_the_draw_of_an_event_does_not_depend_on_the_batch_it_falls_in() -> None:
    entries, epochs = np.array([3, 1, 4, 2**33, 3]), np.array([0, 0, 0, 7, 1])
    together = draw(ALL, seed=9, entries=entries, epochs=epochs, ndim=2)
    for at in range(5):
        alone = draw(ALL, seed=9, entries=entries[at : at + 1], epochs=epochs[at : at + 1], ndim=2)
        assert alone.flips_BD[0].tolist() == together.flips_BD[at].tolist()
        assert alone.shifts_BD[0].tolist() == together.shifts_BD[at].tolist()
        assert alone.scale_B[0] == together.scale_B[at]
    backwards = draw(ALL, seed=9, entries=entries[::-1], epochs=epochs[::-1], ndim=2)
    assert backwards.scale_B[::-1].tolist() == together.scale_B.tolist()


def test_draws_change_with_seed_epoch_and_event_and_not_with_what_else_is_drawn() -> None:
    entries = np.array([0, 0, 1, 2**32])
    epochs = np.array([0, 1, 0, 0])
    scales = [draw(ALL, seed=seed, entries=entries, epochs=epochs, ndim=2).scale_B for seed in (0, 1, 2**32)]
    assert len(set(np.concatenate(scales).tolist())) == 12
    alone = draw(Ranges(scale=0.25), seed=0, entries=entries, epochs=epochs, ndim=2)
    assert alone.scale_B.tolist() == scales[0].tolist()


def test_the_draws_of_this_version_are_these() -> None:
    drawn = draw(ALL, seed=1, entries=np.arange(4), epochs=np.zeros(4, np.int64), ndim=2)
    assert drawn.flips_BD.tolist() == [[False, False], [True, False], [False, True], [True, False]]
    assert drawn.shifts_BD.tolist() == [[-2, -1], [-2, 0], [-1, 0], [2, -1]]
    assert drawn.scale_B.tolist() == pytest.approx([0.84353745, 0.8371962, 0.85574824, 1.2442962], rel=1e-7)


def test_draws_are_fair_and_fill_their_ranges() -> None:
    drawn = draw(ALL, seed=0, entries=np.arange(6000), epochs=np.zeros(6000, np.int64), ndim=2)
    flips = Counter(map(tuple, drawn.flips_BD.tolist()))
    shifts = Counter(map(tuple, drawn.shifts_BD.tolist()))
    # 1500 expected of each
    assert flips == {(False, False): 1465, (False, True): 1452, (True, False): 1505, (True, True): 1578}
    assert len(shifts) == 15  # 5 x 3, 400 expected of each
    assert (min(shifts.values()), max(shifts.values())) == (348, 424)
    assert 0.75 <= drawn.scale_B.min() < 0.751
    assert 1.249 < drawn.scale_B.max() <= 1.25
    assert np.histogram(drawn.scale_B, bins=4, range=(0.75, 1.25))[0].tolist() == [1536, 1529, 1509, 1426]


def test_only_what_is_asked_for_is_drawn() -> None:
    entries, epochs = np.arange(100), np.zeros(100, np.int64)
    flip = draw(Ranges(flip=True), seed=1, entries=entries, epochs=epochs, ndim=3)
    assert flip.flips_BD.any(axis=0).all()
    assert not flip.shifts_BD.any()
    assert (flip.scale_B == 1).all()
    shift = draw(Ranges(max_shift=(0, 0, 3)), seed=1, entries=entries, epochs=epochs, ndim=3)
    assert not shift.flips_BD.any()
    assert np.unique(shift.shifts_BD[:, 2]).tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert not shift.shifts_BD[:, :2].any()


def test_ranges_are_off_by_default_and_by_zeros() -> None:
    assert Ranges().is_off
    assert Ranges(max_shift=(0, 0)).is_off
    for on in (Ranges(flip=True), Ranges(max_shift=(0, 1)), Ranges(scale=0.1)):
        assert not on.is_off


def test_ranges_that_make_no_sense_are_refused_by_name() -> None:
    with pytest.raises(LoaderError, match=r"max_shift=\(1, -2\): a shift goes both ways; give 0 or more sites"):
        Ranges(max_shift=(1, -2))
    for scale in (-0.1, 1.0):
        with pytest.raises(LoaderError, match=f"scale={scale}: a factor must stay positive; give a scale from 0"):
            Ranges(scale=scale)
    with pytest.raises(LoaderError, match=r"max_shift=\(2, 1\) must have a number for each axis, the images have 3"):
        draw(ALL, seed=0, entries=np.arange(1), epochs=np.zeros(1, np.int64), ndim=3)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_the_generator_gives_the_known_answers_of_its_authors(counter: str, key: str, words: str) -> None:
    counter_BW = np.array([[int(word, 16) for word in counter.split()]] * 2, np.uint64)
    left, right = (int(word, 16) for word in key.split())
    assert _philox(counter_BW, key=(left, right)).tolist() == [[int(word, 16) for word in words.split()]] * 2
