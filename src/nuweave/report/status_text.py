"""The state of a training as a block of lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from nuweave.report.status import CheckpointStatus, TrainingStatus

MOST_SHOWN = 7  # metrics of the last validation; metrics.jsonl has them all


def as_text(status: TrainingStatus, *, now: datetime) -> str:
    """A line of what matters most, and under it a line a subject; those of which nothing is known are left out."""
    lines = [f"{status.run_dir}: {_headline(status, now)}"]
    lines += [f"  {subject:<12}{line}" for subject, line in _lines(status)]
    return "\n".join(lines)


def _headline(status: TrainingStatus, now: datetime) -> str:
    resume = f"run it again and it goes on after step {status.resumes_at}"
    return {
        "never started": "never started",
        "training": f"training now: {_owner(status, now)}",
        "unknown": f"says that it is training, and this file system has no locks to tell: {_owner(status, now)}",
        "stopped": f"stopped; {resume}",
        "finished": "finished",
        "failed": f"failed: {status.message or 'no message'}; {resume}",
    }[status.state]


def _owner(status: TrainingStatus, now: datetime) -> str:
    owner = status.owner
    if not owner:
        return "by whom is not known"
    job = f", job {owner['job']}" if owner.get("job") else ""
    try:
        since = f" ({_clock((now - datetime.fromisoformat(owner['since'])).total_seconds())})"
    except (KeyError, TypeError, ValueError):
        since = ""
    host, pid = (owner.get(key, "unknown") for key in ("host", "pid"))
    return f"process {pid} on {host}{job}, since {owner.get('since', 'unknown')}{since}"


def _lines(status: TrainingStatus) -> Iterator[tuple[str, str]]:
    if status.state != "never started":
        yield "step", _progress(status)
    figures = status.figures
    if "loss" in figures:
        yield "loss", f"{figures['loss']:.4g} at step {figures['step']}"
    if status.validation:
        shown = [f"{name} {value:.4g}" for name, value in status.validation.items() if name != "step"]
        yield "validation", f"{', '.join(islice(shown, MOST_SHOWN))} at step {status.validation['step']}"
    if status.best:
        yield "best", "{metric} {value:.4g} at step {step}".format(**status.best)
    if "events_per_s" in figures:
        memory = f", {figures['memory_gb']:.2f} GB" if "memory_gb" in figures else ""
        wait = f", {figures['data_wait_share']:.0%} waiting for data" if "data_wait_share" in figures else ""
        yield "speed", f"{figures['events_per_s']:.3g} events/s{wait}{memory}"
    for number, checkpoint in enumerate(status.checkpoints):
        yield "" if number else "checkpoints", _checkpoint(checkpoint)
    if status.num_left_out:
        yield "left out", f"{status.num_left_out} damaged events; quarantine.json lists them"
    for warning in status.warnings:
        yield "warning", warning


def _progress(status: TrainingStatus) -> str:
    line = str(status.step)
    if status.max_steps:
        line += f" of {status.max_steps} ({status.step / status.max_steps:.0%})"
    if status.epoch is not None:
        line += f", epoch {status.epoch:.2f}"
    if status.seconds_left is not None:
        line += f", {_clock(status.seconds_left)} left"
    return line


def _checkpoint(checkpoint: CheckpointStatus) -> str:
    marks = [name for name, holds in (("latest", checkpoint.is_latest), ("best", checkpoint.is_best)) if holds]
    notes = "".join(f", {note}" for note in (*marks, checkpoint.fault) if note)
    return f"{checkpoint.name}, {checkpoint.size_mb:.1f} MB, {_clock(checkpoint.age_s)} ago{notes}"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=max(0, round(seconds))))
