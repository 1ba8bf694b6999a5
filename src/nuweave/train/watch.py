"""A rank that hangs ends the run: every rank says how far it is, rank 0 names those that the others wait for."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, NoReturn

from torch.distributed import DistError
from torch.distributed.distributed_c10d import PrefixStore, Store

REMEDY = "start again to go on from the last checkpoint, or raise train.limits.hang_timeout_s"
MOST_NAMED = 8  # ranks in a message
SILENT_TURNS = 3  # without a sign of its watch, a process is stopped or dead
GRACE_TURNS = 3  # in which rank 1 speaks for all that miss rank 0


class Position(NamedTuple):
    """How far a rank is.

    Attributes:
        exchanges: that it has entered: the same number on every rank where none is behind.
        phases: since then.
        where: the newest phase, in words.
    """

    exchanges: int
    phases: int
    where: str


class Beat(NamedTuple):
    """A sign of life: how often the watch of a rank turned, and how far the rank is."""

    turn: int
    position: Position


class Pulse:
    """How far this rank is; whoever trains tells it."""

    def __init__(self) -> None:
        self.position = Position(0, 0, "its start")

    def alive(self, where: str) -> None:
        """Another phase begins."""
        self.position = Position(self.position.exchanges, self.position.phases + 1, where)

    def exchange(self) -> None:
        """A phase begins in which this rank waits for all others."""
        self.position = Position(self.position.exchanges + 1, 0, self.position.where)


@contextmanager
def watching(pulse: Pulse, store: Store, *, rank: int, world_size: int, name: str, timeout_s: float) -> Iterator[None]:
    """While inside, a hang of any rank for `timeout_s` ends this process with status 1.

    Args:
        pulse: of this rank.
        store: shared by the ranks; another connection to it is made.
        name: of this process, for the message.
    """
    if world_size == 1:
        yield
        return
    own_connection: Store = store.clone()  # type: ignore[attr-defined]  # torch's types do not know it
    watch = _Watch(pulse, own_connection, rank, world_size, timeout_s)
    watch.start(name)
    yield
    watch.stop()  # it stays after an error: even to tell of it may hang


def who_hangs(positions: Sequence[Position], silent: Sequence[int], names: Sequence[str], seconds: float) -> str:
    """One line on a run without progress for some seconds.

    Args:
        positions: of each rank.
        silent: ranks whose processes give no sign at all.
        names: of the processes.
    """
    places = [(one.exchanges, one.phases) for one in positions]
    behind = silent or [rank for rank, place in enumerate(places) if place < max(places)]
    if not behind:
        return (
            f"no rank got past {positions[0].where} for {seconds:.0f} s, where all are: is the network well? {REMEDY}"
        )
    named = ", ".join(f"rank {rank} ({names[rank]})" for rank in behind[:MOST_NAMED])
    more = f" and {len(behind) - MOST_NAMED} more" if len(behind) > MOST_NAMED else ""
    where = positions[behind[0]].where
    if silent:
        return f"{named}{more} gave no sign for {seconds:.0f} s: stopped or dead, last seen at {where}; {REMEDY}"
    return f"{named}{more} did not get past {where} for {seconds:.0f} s; the others wait; {REMEDY}"


class _Watch:
    """Two threads: one talks to the store and may get stuck there, on ranks but the first another one counts turns.

    Turns are counted, not seconds: a job that was suspended as a whole goes on afterwards.
    """

    def __init__(self, pulse: Pulse, store: Store, rank: int, world_size: int, timeout_s: float) -> None:
        self._pulse, self._store = pulse, PrefixStore("watch", store)
        self._rank, self._world_size, self._timeout_s = rank, world_size, timeout_s
        self._interval_s = min(10.0, timeout_s / 10)
        self._most_turns = round(timeout_s / self._interval_s)
        self._is_over = threading.Event()
        self._turn_of_first = 0
        self._threads: list[threading.Thread] = []

    def start(self, name: str) -> None:
        """Wait until every rank has begun."""
        self._store.set(f"name/{self._rank}", name)
        self._publish(0)
        known = range(self._world_size) if self._rank == 0 else range(1)
        self._store.wait([f"beat/{rank}" for rank in known])
        self._names = [text.decode() for text in self._store.multi_get([f"name/{rank}" for rank in known])]
        loops = (self._judge,) if self._rank == 0 else (self._follow, self._miss_first)
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in loops]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(self._interval_s)

    def _judge(self) -> None:
        """On rank 0: look at all."""
        ranks = range(self._world_size)
        before, num_still, num_silent = self._beats(ranks), 0, [0] * self._world_size
        for turn in self._turns():
            self._publish(turn)
            beats = self._beats(ranks)
            has_moved = any(beats[rank].position != before[rank].position for rank in ranks)
            num_still = 0 if has_moved else num_still + 1
            num_silent = [num_silent[rank] + 1 if beats[rank].turn == before[rank].turn else 0 for rank in ranks]
            before = beats
            if num_still >= self._most_turns:
                silent = [rank for rank in ranks if num_silent[rank] >= SILENT_TURNS]
                positions = [beat.position for beat in beats]
                _say(who_hangs(positions, silent, self._names, self._timeout_s))
                self._store.set("end", "")
                time.sleep(2 * self._interval_s)  # this process keeps the store: let the others read it
                _leave()

    def _follow(self) -> None:
        """On the others: give a sign, and leave with rank 0."""
        for turn in self._turns():
            with suppress(DistError):  # rank 0 is gone: _miss_first speaks of it
                self._publish(turn)
                self._turn_of_first = self._beats(range(1))[0].turn
                if self._store.check(["end"]):
                    _leave()

    def _miss_first(self) -> None:
        """On the others: count turns without a sign of rank 0."""
        before, num_silent = -1, 0
        most_turns = self._most_turns + (GRACE_TURNS if self._rank > 1 else 0)
        for _ in self._turns():
            num_silent = num_silent + 1 if self._turn_of_first == before else 0
            before = self._turn_of_first
            if num_silent >= most_turns:
                _say(f"rank 0 ({self._names[0]}) gave no sign for {self._timeout_s:.0f} s: stopped or dead; {REMEDY}")
                _leave()

    def _publish(self, turn: int) -> None:
        self._store.set(f"beat/{self._rank}", json.dumps(Beat(turn, self._pulse.position)))

    def _beats(self, ranks: range) -> list[Beat]:
        texts = self._store.multi_get([f"beat/{rank}" for rank in ranks])
        return [Beat(turn, Position(*position)) for turn, position in map(json.loads, texts)]

    def _turns(self) -> Iterator[int]:
        turn = 0
        while not self._is_over.wait(self._interval_s):
            turn += 1
            yield turn


def _say(message: str) -> None:
    sys.stderr.write(f"nuweave: {message}\n")
    sys.stderr.flush()


def _leave() -> NoReturn:
    """The main thread is stuck: end the process over its head."""
    os._exit(1)
