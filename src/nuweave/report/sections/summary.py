"""The first part: what came out, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nuweave.report.gather import ModelTables, RunTables
from nuweave.report.sections.blocks import best_baseline, integer, margin, with_error, words

HEADLINES = {
    "segmentation": ("mean_iou", "cosmic_iou", "neutrino_iou", "nonbackground_accuracy", "accuracy"),
    "event_classification": ("accuracy",),
    "vertex": ("box_accuracy", "within_5cm", "median_cm", "combined/within_5cm", "combined/median_cm"),
}


@dataclass(frozen=True)
class Headline:
    """One line of the headline table; `verdict` is better, level or worse than the best trivial baseline, or none."""

    model: str
    metric: str
    description: str
    ours: str
    baseline: str
    margin: str
    verdict: str
    is_primary: bool


@dataclass(frozen=True)
class ModelCard:
    """One model at a glance."""

    name: str
    what: str
    beats: bool | None
    overfit: str
    overfit_passed: bool | None
    rows: list[Headline]
    missing: dict[str, str]


def model_cards(tables: RunTables) -> list[ModelCard]:
    """A card for each model, and for each of its tasks where it has several."""
    return [_card(part) for model in tables.models for part in model.parts]


def key_facts(tables: RunTables) -> dict[str, str]:
    """The size of the run in a few numbers."""
    catalog = tables.catalog
    facts = {
        "events": integer(len(catalog)),
        "source files": integer(catalog["source"].nunique()),
        "planes or volumes": str(sum(name.startswith("num_sites_") for name in catalog.columns)),
        "models": str(len(tables.models)),
    }
    if tables.split is not None:
        after: dict[str, dict[str, int]] = tables.split["after"]
        facts[" / ".join(after)] = " / ".join(integer(sum(counts.values())) for counts in after.values())
    else:
        facts["evaluated events"] = integer(max(model.metrics["num_events"] for model in tables.models))
    return facts


def headline_metrics(metrics: dict[str, Any]) -> list[str]:
    """Names of the metrics that stand for a model, those that it has."""
    wanted = [*HEADLINES[metrics["task"]["kind"]], *metrics["primary"]]
    return [name for name in dict.fromkeys(wanted) if name in metrics["metrics"]]


def _card(model: ModelTables) -> ModelCard:
    metrics = model.metrics
    verdict, passed = _overfit(model.overfit)
    return ModelCard(
        name=model.name,
        what=f"{words(metrics['task']['kind'])}, {integer(metrics['num_events'])} events of {metrics['data']}",
        beats=metrics["beats_baselines"],
        overfit=verdict,
        overfit_passed=passed,
        rows=[
            _headline(model.name, name, metrics["metrics"][name], name in metrics["primary"])
            for name in headline_metrics(metrics)
        ],
        missing={words(name): reason for name, reason in metrics["not_available"].items()},
    )


def _headline(model: str, name: str, entry: dict[str, Any], is_primary: bool) -> Headline:
    return Headline(
        model=model,
        metric=words(name),
        description=entry["description"],
        ours=with_error(entry["value"], entry["error"]),
        baseline=best_baseline(entry),
        margin=margin(entry),
        verdict=verdict_of(entry),
        is_primary=is_primary,
    )


def verdict_of(entry: dict[str, Any]) -> str:
    """Better or worse than the best baseline by more than the error of the margin; level in between."""
    if entry["margin"] is None:
        return "none"
    if abs(entry["margin"]) <= (entry["margin_error"] or 0.0):
        return "level"
    return "better" if entry["margin"] > 0 else "worse"


def _overfit(overfit: dict[str, Any] | None) -> tuple[str, bool | None]:
    """The overfit check in words."""
    if overfit is None:
        return "not trained in this run", None
    passed = bool(overfit["passed"])
    word = "passed" if passed else "failed"
    return (
        f"{word}: loss {overfit['first_loss']:.3g} to {overfit['final_loss']:.3g} on {overfit['num_events']} events in "
        f"{overfit['steps']} steps (limit {overfit['max_loss']:g})",
        passed,
    )
