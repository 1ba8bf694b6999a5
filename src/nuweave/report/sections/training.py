"""How the models were trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from nuweave.report.figures import training as figures
from nuweave.report.figures.style import Picture, svg
from nuweave.report.gather import ModelTables, RunTables
from nuweave.report.sections.blocks import Block, Grid, Part, integer, number, words

NOT_METRICS = (
    *("step", "part", "loss", "learning_rate", "gradient_norm", "epoch"),
    *("events_per_s", "data_wait_share", "memory_gb", "device_memory_gb"),
)
MOST_CURVES = 5


def training_part(tables: RunTables) -> Part:
    """Curves of each model, or a sentence why there are none."""
    blocks = [_block(model, model.history) for model in tables.models if model.history is not None]
    if not blocks:
        blocks = [Block("", ["Nothing was trained in this run: the models were given as finished weights."])]
    return Part("training", "Training", "Training", blocks)


def _block(model: ModelTables, history: pd.DataFrame) -> Block:
    profile = model.metrics["model"].get("training", {}).get("profile")
    return Block(
        model.name,
        facts=_facts(model, history[history["part"] == "train"]),
        pictures=[*_learning(model, history), *_running(model, history)],
        grids=[_profile(model.name, profile)] if profile else [],
    )


def _learning(model: ModelTables, history: pd.DataFrame) -> Iterator[Picture]:
    """Loss and metrics."""
    train, val = (history[history["part"] == part] for part in ("train", "val"))
    last = float(train["loss"].iloc[-1])
    losses = f"last training loss {last:.3g}" + (
        f", last validation loss {val['loss'].iloc[-1]:.3g}" if len(val) else ""
    )
    yield svg(figures.loss_curve(history), alt=f"Loss of {model.name} by step; {losses}.", caption=f"Loss: {losses}.")
    first = [f"{name}/{one}" for name, part in model.metrics.get("parts", {}).items() for one in part["primary"]]
    columns = dict.fromkeys([*(name for name in first if name in history), *map(str, history.columns)])
    metrics = [name for name in columns if name not in NOT_METRICS and history[name].between(0, 1).any()][:MOST_CURVES]
    if metrics:
        ends = ", ".join(f"{words(name)} {number(_last(val, name))}" for name in metrics)
        yield svg(
            figures.metric_curves(history, {name: words(name) for name in metrics}),
            alt=f"Metrics of {model.name} by step; last validation: {ends}.",
            caption=f"Metrics on validation events; last: {ends}.",
        )


def _running(model: ModelTables, history: pd.DataFrame) -> Iterator[Picture]:
    """Rate and speed, gradient and memory, the overfit check."""
    if {"learning_rate", "events_per_s"} & set(history.columns):
        yield svg(
            figures.rate_and_speed(history),
            alt=f"Learning rate and events a second of {model.name} by step.",
            caption="Learning rate and speed of the training.",
        )
    if {"gradient_norm", "memory_gb"} & set(history.columns):
        yield svg(
            figures.norm_and_memory(history),
            alt=f"Norm of the gradient and memory of {model.name} by step.",
            caption="Norm of the gradient before it was clipped, and memory that rank 0 uses.",
        )
    if model.overfit is not None:
        check = model.overfit
        text = f"{check['num_events']} events: loss {check['first_loss']:.3g} to {check['final_loss']:.3g}"
        yield svg(
            figures.overfit_curve(check["losses"], check["max_loss"]),
            alt=f"Loss of the overfit check of {model.name} by step, {text}.",
            caption=f"The overfit check before the training, {text} in {check['steps']} steps.",
        )


def _profile(name: str, profile: Mapping[str, Any]) -> Grid:
    """The operations that took longest, and where the trace is."""
    times = {"self_cpu_ms": "CPU [ms]"} | ({} if profile["device"] == "cpu" else {"self_device_ms": "device [ms]"})
    rows = [
        [row["operation"], number(row["calls"], 1), *(number(row[key]) for key in times), f"{row['share']:.1%}"]
        for row in profile["rows"]
    ]
    caption = (
        f"Profile of {profile['steps']} steps: the operations that took longest themselves, a step. "
        f"The trace opens in Perfetto: runs/{name}/profile/trace.json.gz"
    )
    return Grid(caption, ["operation", "calls", *times.values(), "share"], rows, folded=True)


def _facts(model: ModelTables, train: pd.DataFrame) -> dict[str, str]:
    meta = model.metrics["model"]
    done = meta.get("training", {})
    settings = meta["model"]["train"]
    facts = {
        "engine": f"{done.get('engine', settings['engine'])}, {done.get('ranks', settings['ranks'])} ranks",
        "steps": integer(done.get("steps", settings["max_steps"])),
        "events a step": integer(settings["global_batch"]),
        "precision": str(settings["precision"]),
    }
    if "seconds" in done:
        facts["time"] = f"{done['seconds']:.0f} s"
    if "events_per_s" in train and train["events_per_s"].notna().any():
        facts["events / s (median)"] = number(float(train["events_per_s"].median()), 2)
    if "data_wait_share" in train and train["data_wait_share"].notna().any():
        facts["time waiting for data"] = f"{100 * float(train['data_wait_share'].mean()):.1f} %"
    for column, title in (("memory_gb", "memory of rank 0 (most)"), ("device_memory_gb", "memory of its GPU (most)")):
        if column in train and train[column].notna().any():
            facts[title] = f"{float(train[column].max()):.2f} GB"
    return facts


def _last(rows: pd.DataFrame, name: str) -> float | None:
    values = rows[name].dropna()
    return float(values.iloc[-1]) if len(values) else None
