"""`bench model` on one tiny event: every figure has its place. No speed is looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from nuweave.bench import model
from nuweave.bench.model import run_model
from nuweave.bench.model_memory import Peak, training_peak
from nuweave.config import UserError
from tests import mock
from tests.models.helpers import input_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return mock.write_shard(tmp_path / "source.h5", num_events=1, shape=(256, 128))


def test_every_figure_of_the_table_is_there(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = {"dense": Peak(300, 100), "sparse": Peak(200, 100), "plain": Peak(600, 100)}
    monkeypatch.setattr(model, "training_peak", lambda _event, side, **_options: peaks[side])
    before = torch.get_num_threads()
    record = run_model(source=source, repeats=1, num_threads=1, command="nuweave bench model")
    assert torch.get_num_threads() == before
    targets = [row.target for row in record.rows if row.target and row.target != ">= 1.6"]
    assert targets == [">= 1", ">= 1", ">= 15", "<= 1.5", ">= 20", ">= 18", ">= 58"]
    assert all(row.value is None or row.value > 0 for row in record.rows)
    assert [row.value is None for row in record.rows[-2:]] == [not torch.cuda.is_available()] * 2
    assert record.measurements["sites"] == 120
    assert "first event of source.h5, 3 x 256 x 128, 40, 40, 40 sites (0.12%)" in record.notes[1]
    assert [row.value for row in record.rows[7:11]] == [1.5, 1.5, 3.0, 2.0]


def test_memory_is_that_of_a_process_which_holds_the_network_and_its_optimiser() -> None:
    x = input_of(0, shape=(64, 128), num_images=3)
    before = dict(os.environ)
    peak = training_peak(x, "sparse", num_threads=1, give_back=True)
    assert dict(os.environ) == before
    assert peak.held_bytes == 4 * 4 * 8_510_547
    assert 0.9 < peak.grown_bytes / peak.held_bytes < 2


def test_more_threads_than_processors_are_refused(source: Path) -> None:
    num_cores = len(os.sched_getaffinity(0))
    with pytest.raises(UserError, match=rf"--threads {num_cores + 1}: this machine has {num_cores} processors; give"):
        run_model(source=source, repeats=1, num_threads=num_cores + 1, command="nuweave bench model")


def test_too_little_memory_is_refused_before_anything_is_measured(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "BYTES_PER_SITE", 10**12)
    with pytest.raises(UserError, match=r"need 98304000\.0 GB of memory for these images, .* GB are free; free some"):
        run_model(source=source, repeats=1, num_threads=1, command="nuweave bench model")
