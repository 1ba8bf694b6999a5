"""`bench train` on few events: it makes its own data and measures every part. No speed is looked at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from nuweave.bench import train
from nuweave.bench.train import measure, run_train
from nuweave.bench.train_cases import Case
from nuweave.bench.train_events import pack, simulate
from nuweave.bench.train_ranks import Found, Work
from nuweave.config import UserError
from nuweave.loader import EventDataset
from tests.train.events import write_learnable


def test_fewer_processors_than_ranks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(UserError, match="2 ranks need a processor each, 1 found; use a larger machine"):
        run_train(num_events=2, num_steps=1, repeats=1, command="nuweave bench train")


def test_events_are_those_of_the_demo(tmp_path: Path) -> None:
    simulate(tmp_path / "raw.h5", num_events=2)
    pack(tmp_path / "raw.h5", tmp_path / "events.h5", downsample=8)
    dataset = EventDataset(tmp_path / "events.h5")
    assert (len(dataset), dataset.num_planes, dataset.shape) == (2, 3, (256, 160))
    assert set(dataset.heads) >= {"neutrino", "protons", "charged_pions", "neutral_pions"}


def test_one_rank_and_two_alternate_and_the_first_start_of_each_engine_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def ranks_find(work: Work, _: Path) -> Found:
        started.append(work.num_ranks)
        return Found({}, {}, {}, {})

    def seconds(_: Case, __: Path, folder: Path, **___: Mapping[str, int]) -> float:
        return float(folder.name.removeprefix("start_"))

    monkeypatch.setattr(train, "on_ranks", ranks_find)
    monkeypatch.setattr(train, "first_step_s", seconds)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    dataset = EventDataset(write_learnable(tmp_path / "events.h5", num_events=3))
    found = measure(dataset, tmp_path, num_steps=1, repeats=2)
    assert started == [1, 2, 1, 2, 1, 2]
    assert found.starts == {"torch": [2.0, 4.0], "DeepSpeed ZeRO-1": [3.0, 5.0]}
    assert found.event_sites == [24, 24, 24]
    assert found.gpu is None
