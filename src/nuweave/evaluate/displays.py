"""Which events are drawn: the best, the worst, and some at random."""

from __future__ import annotations

import numpy as np

from nuweave.tasks.ratios import Floats


def choose_events(score_E: Floats, num_each: int, seed: int) -> list[tuple[str, int]]:
    """Events for display, none twice; with few events the kinds take turns.

    Args:
        score_E: larger is better; nan where the event has no truth, so that it can only be a random one.
        num_each: events of each kind.
        seed: of the random ones.
    Returns:
        (kind, position of the event), sorted by kind: best, worst, random.
    """
    ranked = [int(event) for event in np.argsort(-score_E, kind="stable") if np.isfinite(score_E[event])]
    shuffled = [int(event) for event in np.random.default_rng(seed).permutation(len(score_E))]
    queues = {"best": ranked, "worst": ranked[::-1], "random": shuffled}
    chosen: dict[int, str] = {}
    for _ in range(num_each):
        for kind, queue in queues.items():
            event = next((one for one in queue if one not in chosen), None)
            if event is not None:
                chosen[event] = kind
    return [(kind, event) for wanted in queues for event, kind in chosen.items() if kind == wanted]
