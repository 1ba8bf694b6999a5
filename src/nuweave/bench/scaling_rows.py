"""What the model of scaling.py makes of measurements on one rank and on two.

Shapes: E events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nuweave.bench.record import Row
from nuweave.bench.scaling import Cluster, Training, batch_sizes, fitted_link, slowest, step_s

GRADIENT_BYTES = 4 * 258_403  # of the demo's network that labels sites
BATCH = 2  # events of a rank in weak scaling
LARGE_BATCH = 8
MANY = (8, 64, 1024)  # ranks


def fitted_rows(
    *,
    sums: Mapping[int, float],
    one_event: Sequence[tuple[float, float]],
    event_sites: Sequence[int],
    steps: Mapping[str, Sequence[float]],
) -> list[Row]:
    """The parts of the model, what it says of two ranks beside what they took, and of many.

    Args:
        sums: bytes -> seconds of a sum over two ranks.
        one_event: sites and seconds of steps with one event.
        event_sites: sites of every event.
        steps: "weak" and "weak, own events" -> seconds of a step on one rank and on two.
    """
    link = fitted_link(sums, 2)
    sites, seconds = zip(*one_event, strict=True)
    slope, offset = np.polyfit(sites, seconds, 1)
    costs_E = offset + slope * np.array(event_sites)
    here = Cluster(2, inside=link, between=link, read_bytes_per_s=np.inf)
    alike = Training(steps["weak"][0], GRADIENT_BYTES)
    own = Training(steps["weak, own events"][0], GRADIENT_BYTES, BATCH, sizes=costs_E.tolist())
    checks = [
        _check("the same events on each", step_s(alike, 2, here), steps["weak"][1]),
        _check("each its own events", step_s(own, 2, here), steps["weak, own events"][1]),
    ]
    times = "; ".join(f"{size / 1e6:g} MB: {1e3 * seconds:.3g} ms" for size, seconds in sums.items())
    line = f"{1e3 * offset:.3g} ms and {1e6 * slope:.3g} us a site"
    return [
        Row("model: bandwidth of a ring of 2 ranks over loopback", link.bytes_per_s / 1e9, "GB/s", note=times),
        Row("model: latency of its messages", 1e3 * link.latency_s, "ms"),
        Row("model: spread of a step on one event", float(costs_E.std() / costs_E.mean()), "of its mean", note=line),
        *checks,
        *(
            Row(f"model: slowest of {num:,} ranks / mean, {batch} events a rank", _wait(costs_E, batch, num), "x")
            for batch in (BATCH, LARGE_BATCH)
            for num in MANY
        ),
    ]


def _check(events: str, modelled: float, measured: float) -> Row:
    note = f"{1e3 * modelled:.4g} ms / {1e3 * measured:.4g} ms"
    return Row(f"model: step on 2 ranks, {events}: from 1 rank / measured", modelled / measured, "x", note=note)


def _wait(costs_E: NDArray[np.float64], batch: int, num_ranks: int) -> float:
    return slowest(batch_sizes(costs_E, batch), num_ranks)
