"""What ends a start of a training: a signal, or the end of its job."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@dataclass
class StopRequest:
    """Whether this process was told to stop; the training decides when.

    Attributes:
        signals: that came.
        latest: time when it must stop, seconds since 1970.
    """

    signals: list[int] = field(default_factory=list)
    latest: float | None = None

    def __call__(self) -> bool:
        """Whether it was."""
        return bool(self.signals) or (self.latest is not None and time.time() > self.latest)

    def before(self, end: float | None, *, margin_s: float) -> None:
        """Stop before the job ends too; a job that is shorter than two margins has half of its time."""
        if end is not None:
            self.latest = end - min(margin_s, max(0.0, end - time.time()) / 2)

    @property
    def reason(self) -> str:
        """In words."""
        if self.signals:
            return f"told to stop by {signal.Signals(self.signals[0]).name}"
        return "the job ends soon" if self() else "another rank was told to stop"


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While inside, SIGTERM and SIGUSR1 are only noted."""
    request = StopRequest()
    before = {one: signal.signal(one, lambda number, _: request.signals.append(number)) for one in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
