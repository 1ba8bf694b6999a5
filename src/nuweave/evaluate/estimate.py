"""A metric with its error, beside its trivial baselines. The error is the spread over bootstrap samples of events.

Shapes: E events, S samples (the first is the data itself, the rest are bootstrap samples), F any other axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nuweave.tasks.ratios import Floats, ratio

_EVENTS_AT_ONCE = 8192


def event_weights(num_events: int, num_bootstrap: int, seed: int) -> Floats:
    """How often each event counts in each sample.

    Returns:
        float64[1 + num_bootstrap, num_events]; row 0 is ones, each other row draws num_events events with replacement.
    """
    ones = np.ones((1, num_events))
    if num_events == 0 or num_bootstrap == 0:
        return ones
    draws = np.random.default_rng([seed, num_events]).multinomial(
        num_events, np.full(num_events, 1 / num_events), size=num_bootstrap
    )
    return np.concatenate([ones, draws.astype(np.float64)])


def weighted_sum(weights_SE: Floats, table_EF: ArrayLike) -> Floats:
    """Sum of an event table over each sample, float64[S, ...]; blocks of events keep the memory small."""
    table = np.asarray(table_EF)
    flat = table.reshape(len(table), int(np.prod(table.shape[1:])))
    total = np.zeros((len(weights_SE), flat.shape[1]))
    for start in range(0, len(flat), _EVENTS_AT_ONCE):
        block = slice(start, start + _EVENTS_AT_ONCE)
        total += weights_SE[:, block] @ flat[block].astype(np.float64)
    return total.reshape(len(weights_SE), *table.shape[1:])


def value_and_error(values_S: Floats) -> dict[str, float | None]:
    """The metric on the data and its spread over the bootstrap samples; None where it is not defined."""
    samples = values_S[1:][np.isfinite(values_S[1:])]
    return {
        "value": float(values_S[0]) if np.isfinite(values_S[0]) else None,
        "error": float(samples.std(ddof=1)) if len(samples) > 1 else None,
    }


def binomial(passed: Floats, total: Floats) -> list[dict[str, float | None]]:
    """Shares with errors sqrt(p (1 - p) / n), as they are saved; None where there is nothing to share."""
    share = ratio(passed, total)
    error = np.sqrt(ratio(share * (1 - share), total))
    return [
        {"value": float(p), "error": float(e)} if np.isfinite(p) else {"value": None, "error": None}
        for p, e in zip(share, error, strict=True)
    ]


def compare(ours_S: Floats, baselines_S: Mapping[str, Floats], *, larger_is_better: bool = True) -> dict[str, Any]:
    """One metric as it is saved: ours, each baseline, and the margin over the best of them.

    Args:
        ours_S: the metric in each sample.
        baselines_S: the same metric of each trivial baseline, in the same samples.
        larger_is_better: direction; the margin is positive where ours is the better one.
    Returns:
        value, error, larger_is_better, baselines {name: {value, error}}, best_baseline, margin, margin_error (of the
        difference, event by event the same samples).
    """
    sign = 1.0 if larger_is_better else -1.0
    usable = {name: values for name, values in baselines_S.items() if np.isfinite(values[0])}
    best = max(usable, key=lambda name: sign * usable[name][0]) if usable else None
    margin = value_and_error(sign * (ours_S - usable[best])) if best is not None else {"value": None, "error": None}
    return {
        **value_and_error(ours_S),
        "larger_is_better": larger_is_better,
        "baselines": {name: value_and_error(values) for name, values in usable.items()},
        "best_baseline": best,
        "margin": margin["value"],
        "margin_error": margin["error"],
    }
