"""A look at a few steps with torch.profiler: a trace for Perfetto, and a table of the operations that took longest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from nuweave.config.train import TrainConfig
from nuweave.store import write_aside

if TYPE_CHECKING:
    from torch.profiler import profile

STEPS_BEFORE = 10  # the first steps of a training allocate and choose kernels: they say little of the others
MOST_ROWS = 15
TRACE, TABLE = Path("profile") / "trace.json.gz", Path("profile") / "summary.json"


class StepProfiler:
    """Looks at `profile_steps` steps of a training, once over all its starts. A context manager, for one rank.

    With `profile_steps: 0` it does nothing. A validation between the steps that it looks at is in the look.

    Args:
        settings: steps to look at, and steps in all.
        run_dir: gets profile/trace.json.gz and profile/summary.json.
        device: whose time counts beside that of the CPU.
    """

    def __init__(self, settings: TrainConfig, run_dir: Path, device: torch.device) -> None:
        self._before = max(0, min(STEPS_BEFORE, settings.max_steps - settings.profile_steps))
        self._trace, self._table = run_dir / TRACE, run_dir / TABLE
        self._steps_left = 0 if self._table.is_file() else settings.profile_steps
        self._device = device
        self._steps_done = 0
        self._profile: profile | None = None

    def __enter__(self) -> Self:
        if self._steps_left and not self._before:
            self._start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._profile is not None:
            self._finish(self._profile)

    def step(self) -> None:
        """Call it once after each training step, behind a validation or checkpoint of that step."""
        if not self._steps_left:
            return
        self._steps_done += 1
        if self._profile is not None:
            self._steps_left -= 1
            if not self._steps_left:
                self._finish(self._profile)
        elif self._steps_done == self._before:
            self._start()

    def _start(self) -> None:
        from torch.profiler import ProfilerActivity, profile

        activities = [ProfilerActivity.CPU]
        if self._device.type != "cpu":
            activities.append(ProfilerActivity[self._device.type.upper()])
        self._profile = profile(activities=activities)
        self._profile.start()

    def _finish(self, profile: profile) -> None:
        """Write the trace, then the table: where that stands, the look is whole."""
        profile.stop()
        self._profile = None
        steps = self._steps_done - self._before
        if not steps:
            return
        self._trace.parent.mkdir(parents=True, exist_ok=True)
        profile.export_chrome_trace(str(self._trace))
        rows = summarise(profile.key_averages(), steps=steps)
        with write_aside(self._table) as part:
            part.write_text(json.dumps({"steps": steps, "device": self._device.type, "rows": rows}, indent=1) + "\n")


def read_profile(run_dir: Path) -> dict[str, Any] | None:
    """`steps`, `device` and `rows` (see `summarise`) of the look of any start of a run; None without one."""
    path = run_dir / TABLE
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.is_file() else None
    return found


def summarise(operations: Sequence[Any], *, steps: int) -> list[dict[str, Any]]:
    """The operations that took longest themselves, without those that they call.

    Args:
        operations: sums over all calls of each, as torch.profiler gives them [us].
        steps: steps that they were summed over.
    Returns:
        rows of operation, calls, self_cpu_ms and self_device_ms (all a step), and share: of the self time of all
        operations, on the device where any was busy there, else on the CPU; largest first.
    """
    called = [one for one in operations if one.device_type.name == "CPU"]  # others are their kernels
    on_device = any(one.self_device_time_total for one in called)
    spent = {one.key: one.self_device_time_total if on_device else one.self_cpu_time_total for one in called}
    total = sum(spent.values()) or 1.0
    return [
        {
            "operation": one.key,
            "calls": one.count / steps,
            "self_cpu_ms": one.self_cpu_time_total / 1e3 / steps,
            "self_device_ms": one.self_device_time_total / 1e3 / steps,
            "share": spent[one.key] / total,
        }
        for one in sorted(called, key=lambda one: spent[one.key], reverse=True)[:MOST_ROWS]
    ]
