"""Records survive a kill in the middle of a line."""

from __future__ import annotations

from pathlib import Path

from nuweave.train.journal import last_validation, truncate_history

LINES = '{"step": 1, "part": "train"}\n{"step": 2, "part": "val", "loss": 0.5}\n{"step": 3, "part": "train"}\n'


def test_records_of_later_steps_and_half_lines_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(LINES + '{"step": 2, "pa')
    truncate_history(path, 2)
    assert path.read_text() == "".join(LINES.splitlines(keepends=True)[:2])
    truncate_history(tmp_path / "none.jsonl", 2)
    assert not (tmp_path / "none.jsonl").exists()


def test_the_last_validation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(LINES)
    assert last_validation(path) == {"loss": 0.5}
