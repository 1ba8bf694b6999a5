"""A look at some steps of a training: the right ones, once, and nothing at all where none was asked for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nuweave.config.train import TrainConfig
from nuweave.train.profile import MOST_ROWS, StepProfiler, read_profile, summarise

CPU = torch.device("cpu")


def settings(*, max_steps: int, profile_steps: int) -> TrainConfig:
    return TrainConfig.model_validate({"max_steps": max_steps, "profile_steps": profile_steps})


def train(run_dir: Path, *, max_steps: int, profile_steps: int, stop_after: int | None = None) -> dict[str, Any] | None:
    """What is found of a training whose step number s is a product of matrices of s rows."""
    with StepProfiler(settings(max_steps=max_steps, profile_steps=profile_steps), run_dir, CPU) as profiler:
        for step in range(1, (stop_after or max_steps) + 1):
            torch.ones(step, 2).mm(torch.ones(2, 2))
            profiler.step()
    return read_profile(run_dir)


def products(run_dir: Path) -> int:
    """Products of matrices in the trace."""
    with gzip.open(run_dir / "profile" / "trace.json.gz", "rt") as file:
        events = json.load(file)["traceEvents"]
    return sum(event.get("name") == "aten::mm" for event in events)


@pytest.mark.parametrize(
    ("max_steps", "profile_steps", "looked_at"),
    [(20, 3, 3), (5, 3, 3), (3, 3, 3), (2, 3, 2)],
    ids=["after ten steps", "the last of few", "all", "fewer than asked for"],
)
def test_it_looks_at_the_steps_that_were_asked_for(
    tmp_path: Path, max_steps: int, profile_steps: int, looked_at: int
) -> None:
    summary = train(tmp_path, max_steps=max_steps, profile_steps=profile_steps)
    assert summary is not None
    assert (summary["steps"], summary["device"]) == (looked_at, "cpu")
    rows = {row["operation"]: row for row in summary["rows"]}
    assert rows["aten::mm"]["calls"] == 1.0
    assert rows["aten::mm"]["self_cpu_ms"] > 0
    assert sum(row["share"] for row in summary["rows"]) == pytest.approx(1.0)
    assert products(tmp_path) == looked_at


def test_a_training_is_looked_at_once_over_all_its_starts(tmp_path: Path) -> None:
    assert train(tmp_path, max_steps=20, profile_steps=3, stop_after=5) is None
    first = train(tmp_path, max_steps=20, profile_steps=3)
    trace = (tmp_path / "profile" / "trace.json.gz").read_bytes()
    assert train(tmp_path, max_steps=20, profile_steps=3) == first
    assert (tmp_path / "profile" / "trace.json.gz").read_bytes() == trace


def test_without_steps_to_look_at_nothing_is_written(tmp_path: Path) -> None:
    assert train(tmp_path, max_steps=20, profile_steps=0) is None
    assert not list(tmp_path.iterdir())


def test_a_training_that_stops_leaves_no_profiler_running(tmp_path: Path) -> None:
    assert train(tmp_path, max_steps=20, profile_steps=3, stop_after=10) is None  # just started
    summary = train(tmp_path, max_steps=20, profile_steps=3, stop_after=11)
    assert summary is not None
    assert summary["steps"] == 1


def operation(key: str, *, cpu_us: float, device_us: float = 0, kind: str = "CPU") -> Any:
    return SimpleNamespace(
        key=key,
        count=6,
        device_type=SimpleNamespace(name=kind),
        self_cpu_time_total=cpu_us,
        self_device_time_total=device_us,
    )


def test_rows_are_times_a_step_and_shares_of_the_device_without_counting_kernels_twice() -> None:
    found = [
        operation("aten::add", cpu_us=9000, device_us=1000),
        operation("aten::mm", cpu_us=500, device_us=3000),
        operation("gemm_kernel", cpu_us=0, device_us=3000, kind="CUDA"),
    ]
    assert summarise(found, steps=2) == [
        {"operation": "aten::mm", "calls": 3.0, "self_cpu_ms": 0.25, "self_device_ms": 1.5, "share": 0.75},
        {"operation": "aten::add", "calls": 3.0, "self_cpu_ms": 4.5, "self_device_ms": 0.5, "share": 0.25},
    ]
    assert [row["share"] for row in summarise([operation("aten::add", cpu_us=2)], steps=1)] == [1.0]


def test_only_the_largest_rows_are_kept() -> None:
    found = [operation(f"op{number}", cpu_us=number) for number in range(40)]
    rows = summarise(found, steps=1)
    assert [row["operation"] for row in rows] == [f"op{39 - number}" for number in range(MOST_ROWS)]
