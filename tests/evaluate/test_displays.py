"""The choice of events to draw."""

from __future__ import annotations

import numpy as np

from nuweave.evaluate.displays import choose_events

SCORES = np.array([0.1, 0.9, 0.5, 0.8, 0.2, 0.6, 0.4])


def test_best_and_worst_are_the_extremes_and_nothing_comes_twice() -> None:
    chosen = choose_events(SCORES, num_each=2, seed=0)
    kinds = [kind for kind, _ in chosen]
    events = [event for _, event in chosen]
    assert kinds == ["best", "best", "worst", "worst", "random", "random"]
    assert set(events[:2]) <= {1, 3, 5}
    assert events[0] == 1
    assert events[2] == 0
    assert len(set(events)) == 6


def test_choice_is_repeatable() -> None:
    assert choose_events(SCORES, 2, seed=4) == choose_events(SCORES, 2, seed=4)


def test_two_events_are_best_and_worst() -> None:
    assert choose_events(np.array([0.2, 0.7]), num_each=3, seed=0) == [("best", 1), ("worst", 0)]


def test_events_without_truth_are_random_ones() -> None:
    chosen = choose_events(np.array([np.nan, np.nan, np.nan]), num_each=2, seed=0)
    assert [kind for kind, _ in chosen] == ["random", "random"]


def test_no_displays_wanted_gives_none() -> None:
    assert choose_events(SCORES, num_each=0, seed=0) == []
