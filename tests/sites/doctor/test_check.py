"""Programs that the doctor asks cannot hold it up, and one line is kept of what they say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nuweave.sites.doctor.check import Answer, ask


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    start = time.monotonic()
    answer = ask(["bash", "-c", f"sleep 60 & echo $! > {child}; wait"], os.environ, 0.5)
    assert time.monotonic() - start < 10
    assert (answer.status, answer.why) == (None, "no answer within 0 s")
    end = time.monotonic() + 5
    while _lives(int(child.read_text())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _lives(int(child.read_text()))


def test_a_program_that_is_not_there_is_told() -> None:
    answer = ask(["/no/such/program"], {}, 1.0)
    assert (answer.status, answer.why) == (None, "/no/such/program cannot be started (No such file or directory)")


@pytest.mark.parametrize(
    ("stderr", "why"),
    [("", "exit status 3, no word"), ("a\nb\n\n", "b"), ("nuweave: ours\nand what follows\n", "ours")],
)
def test_one_line_tells_a_failure(stderr: str, why: str) -> None:
    assert Answer(3, "", stderr, 0.0).why == why


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False
