"""Records survive a kill in the middle of a line."""

from __future__ import annotations

from pathlib import Path

from nuweave.train.journal import truncate_history, validation_at

LINES = '{"step": 1, "part": "train"}\n{"step": 2, "part": "val", "loss": 0.5}\n{"step": 3, "part": "train"}\n'


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
