"""Signals, and how long before the end of its job a training stops."""

from __future__ import annotations

import os
import signal
import time

import pytest

from nuweave.train.stop import StopRequest, stop_requests


def test_signals_are_noted_inside_and_handled_as_before_outside() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        assert stop.reason == "told to stop by SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_end_of_the_job_asks_to_stop_a_margin_before() -> None:
    stop = StopRequest()
    stop.before(None, margin_s=60)
    assert not stop()
    stop.before(time.time() + 1000, margin_s=60)
    assert not stop()
    assert stop.latest == pytest.approx(time.time() + 940, abs=5)
    stop.before(time.time() - 1, margin_s=60)
    assert stop()
    assert stop.reason == "the job ends soon"


def test_a_job_shorter_than_two_margins_trains_for_half_of_its_time() -> None:
    stop = StopRequest()
    stop.before(time.time() + 100, margin_s=300)
    assert stop.latest == pytest.approx(time.time() + 50, abs=5)
