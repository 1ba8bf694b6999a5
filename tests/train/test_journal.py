"""Records survive a kill in the middle of a line; the terminal and a log show the same figures, line by line."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from nuweave.train import journal as module
from nuweave.train.errors import TrainError
from nuweave.train.journal import Journal, mean_record, say, truncate_history, validation_at
from nuweave.train.loop import StepDone
from tests.train.events import tagger

LINES = '{"step": 1, "part": "train"}\n{"step": 2, "part": "val", "loss": 0.5}\n{"step": 3, "part": "train"}\n'


def done(step: int, *, gradient_norm: float = 3.0) -> StepDone:
    """A step of half a second, a fifth of it waiting, whose loss is 1 / step."""
    return StepDone(
        step=step,
        loss=1 / step,
        gradient_norm=gradient_norm,
        learning_rate=0.1 * step,
        asked_to_stop=False,
        seconds=0.5,
        wait_seconds=0.1,
    )


def open_journal(run_dir: Path, *, first_step: int = 0) -> Journal:
    """A journal of ten steps of four events; ten events make an epoch; a record every second step."""
    return Journal(
        run_dir,
        name="tiny",
        model=tagger(max_steps=10, log_every=2, global_batch=4, ranks=1),
        first_step=first_step,
        events_per_epoch=10,
        primary="mean_iou",
        device=torch.device("cpu"),
    )


def test_records_of_later_steps_and_half_lines_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(LINES + '{"step": 2, "pa')
    truncate_history(path, 2)
    assert path.read_text() == "".join(LINES.splitlines(keepends=True)[:2])
    truncate_history(tmp_path / "none.jsonl", 2)
    assert not (tmp_path / "none.jsonl").exists()


def test_the_validation_after_a_step_is_found(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(LINES + '{"step": 4, "part": "val", "loss": 0.7}\n')
    assert validation_at(path, 2) == {"loss": 0.5}


def test_a_record_holds_the_figures_of_its_steps() -> None:
    steps = [done(1, gradient_norm=2.0), done(2, gradient_norm=4.0), done(4, gradient_norm=math.inf)]
    assert mean_record(steps, global_batch=4, events_per_epoch=10) == pytest.approx(
        {
            "loss": (1 + 1 / 2 + 1 / 4) / 3,
            "learning_rate": 0.4,
            "gradient_norm": 3.0,  # the step that fp16 skipped does not count
            "epoch": 1.6,
            "events_per_s": 8.0,
            "data_wait_share": 0.2,
        }
    )
    assert "gradient_norm" not in mean_record(steps[2:], global_batch=4, events_per_epoch=10)


def test_a_log_gets_a_line_a_record_with_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_journal(tmp_path) as journal:
        for step in range(1, 4):
            journal.step(done(step))
        journal.validation(3, {"loss": 0.4, "mean_iou": 0.7})
        journal.validation(4, {"loss": 0.5, "mean_iou": 0.6})
        journal.step(done(4))
    first, *validations, last = capsys.readouterr().err.splitlines()
    assert first.startswith("tiny: step 2/10, epoch 0.80, loss 0.75, 0:00:04 left, 8 events/s, 20% waiting for data, ")
    assert first.endswith(" GB")
    assert validations == [
        "tiny: step 3/10, validation: loss 0.4, mean_iou 0.7",
        "tiny: step 4/10, validation: loss 0.5, mean_iou 0.6",
    ]
    assert last.startswith("tiny: step 4/10, epoch 1.60, loss 0.2917, validation mean_iou 0.6 (best 0.7), 0:00:03 left")
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(record["step"], record["part"]) for record in records] == [
        (2, "train"), (3, "val"), (4, "val"), (4, "train"),
    ]  # fmt: skip
    assert records[0]["gradient_norm"] == 3.0
    assert 0.01 < records[0]["memory_gb"] < 100


def test_a_resumed_start_knows_the_best_of_the_starts_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_journal(tmp_path) as journal:
        journal.validation(2, {"loss": 0.3, "mean_iou": 0.7})
        journal.validation(3, {"loss": 0.3})  # its events do not define the metric
        journal.validation(4, {"loss": 0.4, "mean_iou": 0.6})
        journal.validation(6, {"loss": 0.1, "mean_iou": 0.9})
    with open_journal(tmp_path, first_step=4) as journal:  # the checkpoint of step 4
        journal.step(done(6))
    assert "validation mean_iou 0.6 (best 0.7)" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("width", [60, 200])
def test_a_terminal_shows_one_line_at_any_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(module, "CONSOLE", Console(file=screen, force_terminal=True, width=width, color_system=None))
    with open_journal(tmp_path) as journal:
        journal.step(done(1))
        journal.step(done(2))
    drawn, *rest = screen.getvalue().split("\n")
    assert len(rest) == 1  # it is drawn over itself, never a line further down
    last = drawn.split("\r")[-1]
    assert "tiny \N{BOX DRAWINGS HEAVY HORIZONTAL}" in last
    assert "2/10 epoch 0.80, loss" in last
    assert ("20% waiting for data" in last) == (width == 200)


def test_a_line_is_one_write_so_that_lines_of_several_processes_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    class Recorder(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    writes: list[str] = []
    monkeypatch.setattr(sys, "stderr", Recorder())
    line = "step 3: [bold] is no markup " + 500 * "x"
    say(line)
    assert writes == [line + "\n"]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
        (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
        with pytest.raises(TrainError, match=r"metrics.jsonl: cannot be written \(No space left on device\)"):
            journal.validation(1, {"loss": 0.5})
