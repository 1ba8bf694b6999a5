"""Time on the clock and time of the processors."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

Batches = list[list[int]]
Result = TypeVar("Result")


class Timing(NamedTuple):
    """What a piece of work took.

    Attributes:
        wall_s: on the clock.
        cpu_s: of all threads of the process.
    """

    wall_s: float
    cpu_s: float


def timed(work: Callable[[], object]) -> Timing:
    """Do a piece of work and time it."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(ways: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, list[Timing]]:
    """Time each piece of work in turn, `repeats` times.

    It is done once more before each time that counts: the first time after another pays for the pages and the caches
    that the other took away, as no loop of its own does.
    """
    timings: dict[str, list[Timing]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            work()
            timings[name].append(timed(work))
    return timings


def apart(work: Callable[..., Result], *arguments: object) -> Result:
    """What a function returns in a new process: another's heap must not stand in its way."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


@contextmanager
def one_core() -> Iterator[None]:
    """Hold this process, and children that it starts, to one processor."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
