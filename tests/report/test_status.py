"""The state of a training from run directories made by hand: whole, live, killed, damaged."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nuweave.cli import app
from nuweave.report.status import StatusError, TrainingStatus, find_run_dirs, read_status
from nuweave.report.status_text import as_text

NOW = datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC)
BEST = {"metric": "mean_iou", "value": 0.75, "step": 40}


def set_age(path: Path, *, minutes: float) -> None:
    """Make a file so old, seen from NOW."""
    written = NOW.timestamp() - 60 * minutes
    os.utime(path, (written, written))


def write(path: Path, content: object, *, minutes: float = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    set_age(path, minutes=minutes)


def make_run_dir(run_dir: Path, *, state: str = "running", message: str = "", minutes: float = 1) -> Path:
    """100 steps of 4 events, 20 make an epoch; 60 are done at 8 events/s, in the newest checkpoint 50.

    Its newest file is `minutes` old.
    """
    train = {"log_every": 10, "selection": {"metric": "mean_iou"}}
    settings = {"name": "tagger", "max_steps": 100, "global_batch": 4, "events_per_epoch": 20, "train": train}
    write(run_dir / "fingerprint.json", {"sha256": "ab"}, minutes=90)
    write(run_dir / "settings.json", settings, minutes=90)
    since = (NOW - timedelta(minutes=90)).isoformat(timespec="seconds")
    write(run_dir / "owner.json", {"host": "node3", "pid": 12, "job": "77", "since": since}, minutes=90)
    write(run_dir / "state.json", {"state": state, "message": message, "time": since}, minutes=minutes)
    speed = {"events_per_s": 8.0, "data_wait_share": 0.03, "memory_gb": 1.25}
    records: list[dict[str, Any]] = [
        {"step": 40, "part": "val", "loss": 0.4, "mean_iou": 0.75},
        {"step": 50, "part": "val", "loss": 0.3, "mean_iou": 0.7},
        {"step": 60, "part": "train", "loss": 0.25, **speed},
    ]
    write(run_dir / "metrics.jsonl", "".join(f"{json.dumps(record)}\n" for record in records), minutes=minutes)
    for step in (40, 50):
        checkpoint = run_dir / "checkpoints" / f"step_{step:06d}"
        write(checkpoint / "model.safetensors", 2_000_000 * "x", minutes=100 - step)
        write(
            checkpoint / "complete.json",
            {"progress": {"step": step, "seconds": 9.0, "best": BEST}, "files": {}},
            minutes=100 - step,
        )
    write(run_dir / "checkpoints" / "latest", "step_000050", minutes=50)
    return run_dir


@contextmanager
def training_in(run_dir: Path) -> Iterator[None]:
    """A process that trains there."""
    with (run_dir / "owner.json").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def status_of(run_dir: Path) -> TrainingStatus:
    return read_status(run_dir, now=NOW)


def lines_of(run_dir: Path) -> list[str]:
    return as_text(status_of(run_dir), now=NOW).splitlines()


def test_a_training_that_goes_on_says_who_how_far_and_how_long(tmp_path: Path) -> None:
    run_dir = make_run_dir(tmp_path / "tagger")
    with training_in(run_dir):
        lines = lines_of(run_dir)
    assert lines == [
        f"{run_dir}: training now: process 12 on node3, job 77, since 2026-11-23T16:30:00+00:00 (1:30:00)",
        "  step        60 of 100 (60%), epoch 12.00, 0:00:20 left",
        "  loss        0.25 at step 60",
        "  validation  loss 0.3, mean_iou 0.7 at step 50",
        "  best        mean_iou 0.75 at step 40",
        "  speed       8 events/s, 3% waiting for data, 1.25 GB",
        "  checkpoints step_000050, 2.0 MB, 0:50:00 ago, latest",
        "              step_000040, 2.0 MB, 1:00:00 ago, best",
    ]


@pytest.mark.parametrize(
    ("state", "message", "headline"),
    [
        ("finished", "", "finished"),
        ("failed", "the loss is not finite", "failed: the loss is not finite; run it again and it goes on after step"),
        ("stopped", "", "stopped; run it again and it goes on after step 50"),
        ("running", "", "stopped; run it again and it goes on after step 50"),  # killed before it could say so
    ],
)
def test_without_a_lock_it_says_how_it_ended(tmp_path: Path, state: str, message: str, headline: str) -> None:
    lines = lines_of(make_run_dir(tmp_path, state=state, message=message))
    assert lines[0].startswith(f"{tmp_path}: {headline}")
    assert lines[1] == "  step        60 of 100 (60%), epoch 12.00"


def test_a_training_that_took_no_step_has_never_started(tmp_path: Path) -> None:
    write(tmp_path / "fingerprint.json", {"sha256": "ab"})
    assert lines_of(tmp_path) == [f"{tmp_path}: never started"]


def test_a_file_system_without_locks_leaves_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    headline = lines_of(make_run_dir(tmp_path / "running"))[0]
    assert "says that it is training, and this file system has no locks to tell: process 12 on node3" in headline
    assert status_of(make_run_dir(tmp_path / "stopped", state="stopped")).state == "stopped"


@pytest.mark.parametrize(("minutes", "warned"), [(9, False), (11, True)])
def test_a_training_that_went_quiet_is_pointed_out(tmp_path: Path, minutes: float, warned: bool) -> None:
    run_dir = make_run_dir(tmp_path, minutes=minutes)
    assert not status_of(run_dir).warnings  # it ended
    with training_in(run_dir):
        warnings = status_of(run_dir).warnings
    assert warnings == warned * [
        "nothing was written for 11 minutes: it may hang; look at its log and its processes"
    ]  # fmt: skip


def test_a_slow_training_may_be_quiet_for_ten_records(tmp_path: Path) -> None:
    """A record of 10 steps of 4 events takes 200 s at 0.2 events/s: 2000 s may pass."""
    run_dir = make_run_dir(tmp_path, minutes=30)
    history = run_dir / "metrics.jsonl"
    write(history, history.read_text().replace("8.0", "0.2"), minutes=30)
    with training_in(run_dir):
        assert not status_of(run_dir).warnings


def test_a_history_that_is_being_written_is_read_up_to_the_half_line(tmp_path: Path) -> None:
    run_dir = make_run_dir(tmp_path)
    with (run_dir / "metrics.jsonl").open("a") as file:
        file.write('{"step": 70, "pa')
    status = status_of(run_dir)
    assert status.figures["step"] == 60
    assert status.warnings == ["metrics.jsonl: line 4 is cut off or damaged, and left out"]


@pytest.mark.parametrize("name", ["owner.json", "settings.json", "state.json", "metrics.jsonl"])
def test_a_missing_or_damaged_file_leaves_the_rest(tmp_path: Path, name: str) -> None:
    run_dir = make_run_dir(tmp_path)
    (run_dir / name).write_text('{"half')
    damaged = lines_of(run_dir)
    (run_dir / name).unlink()
    missing = lines_of(run_dir)
    for lines in (damaged, missing):
        assert "  checkpoints step_000050, 2.0 MB, 0:50:00 ago, latest" in lines
    (warning,) = [line for line in damaged if line.startswith("  warning")]
    assert warning.startswith(f"  warning     {name}: ")
    assert sum(line.startswith("  warning") for line in missing) == (name == "settings.json")


def test_checkpoints_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    run_dir = make_run_dir(tmp_path)
    (run_dir / "checkpoints" / "step_000050" / "complete.json").write_text('{"prog')
    (run_dir / "checkpoints" / "latest").write_text("step_000060")
    status = status_of(run_dir)
    assert [(one.name, one.is_latest, one.is_best, bool(one.fault)) for one in status.checkpoints] == [
        ("step_000050", False, False, True),
        ("step_000040", False, True, False),
    ]
    assert status.resumes_at == 40
    assert status.warnings == [
        "checkpoints/latest: names step_000060, which is not there; the newest whole one is used"
    ]


def test_events_that_were_left_out_are_counted(tmp_path: Path) -> None:
    run_dir = make_run_dir(tmp_path)
    write(run_dir / "quarantine.json", ["train.h5, event 1", "train.h5, event 5"])
    assert "  left out    2 damaged events; quarantine.json lists them" in lines_of(run_dir)


def test_runs_are_found_in_results_and_what_was_moved_aside_is_not(tmp_path: Path) -> None:
    run_dirs = [make_run_dir(tmp_path / "runs" / name) for name in ("a", "b")]
    make_run_dir(tmp_path / "runs" / "a.old1")
    assert find_run_dirs(tmp_path) == find_run_dirs(tmp_path / "runs") == run_dirs
    assert find_run_dirs(run_dirs[0]) == run_dirs[:1]


def test_a_path_without_a_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StatusError, match=r"none: no such directory; give the directory of a run, or results/NAME$"):
        find_run_dirs(tmp_path / "none")
    with pytest.raises(StatusError, match="holds no training; give the directory of a run, or results/NAME once a"):
        find_run_dirs(tmp_path)


def test_the_command_shows_what_there_is_and_then_says_what_is_wrong(tmp_path: Path) -> None:
    run_dir = make_run_dir(tmp_path / "tagger", state="finished")
    done = CliRunner().invoke(app, ["status", str(tmp_path / "none"), str(run_dir)])
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{run_dir}: finished\n")
    assert done.stderr.startswith(f"nuweave: {tmp_path}/none: no such directory; ")


def test_the_command_gives_json(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run_dir(tmp_path / "runs" / name, state="finished")
    done = CliRunner().invoke(app, ["status", "--json", str(tmp_path)])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert [(one["state"], one["step"], one["best"]) for one in found] == 2 * [("finished", 60, BEST)]
    assert [one["name"] for one in found[0]["checkpoints"]] == ["step_000050", "step_000040"]


def test_the_command_starts_without_torch_or_figures(tmp_path: Path) -> None:
    make_run_dir(tmp_path)
    code = (
        "import sys, nuweave.cli; sys.argv[1:] = ['status', sys.argv[1]]\n"
        "try:\n    nuweave.cli.app()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "sys.exit(not {'torch', 'numba', 'h5py', 'matplotlib', 'pandas'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == 0
