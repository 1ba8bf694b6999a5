"""What metrics.json says: each metric with its error beside the trivial baselines, confusion, ROC.

Shapes: E events, S samples of events, P planes, T true classes, K predicted classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nuweave.evaluate import classification, segmentation, vertex
from nuweave.evaluate.baselines import (
    CLASS_BASELINES,
    SiteSums,
    class_baselines,
    neutrino_auc_baselines,
    segmentation_baselines,
)
from nuweave.evaluate.estimate import compare, weighted_sum
from nuweave.evaluate.geometry import Geometry
from nuweave.evaluate.roc import area, roc_curve, thin
from nuweave.evaluate.vertex import Vertices
from nuweave.tasks.class_metrics import over_heads
from nuweave.tasks.ratios import Floats
from nuweave.tasks.site_metrics import CLASSES, PRIMARY, over_planes
from nuweave.tasks.vertex_metrics import PRIMARY as VERTEX_PRIMARY

Metrics = dict[str, Floats]


def segmentation_summary(
    predictions: pd.DataFrame, sums: SiteSums, weights_SE: Floats, *, num_planes: int, num_pixels: int | None
) -> dict[str, Any]:
    """Metrics of a segmentation.

    Args:
        predictions: a row an event with plane{p}_true{t}_pred{k}.
        sums: of the same events.
        weights_SE: samples of the events.
        num_planes: planes of an event.
        num_pixels: pixels of one image; None where the network sees a selection of the sites.
    """
    counts = segmentation.site_counts(predictions, num_planes)
    if counts is None:
        return _no_truth(segmentation.DESCRIPTIONS, "the file has no site labels")
    ours = over_planes(segmentation.segmentation_metrics(counts, weights_SE, num_pixels))
    plane_baselines, rules = segmentation_baselines(sums.value_EPTV, weights_SE, num_pixels)
    baselines = {name: over_planes(metrics) for name, metrics in plane_baselines.items()}
    missing: dict[str, str] = {}
    if num_pixels is None:
        reason = "the network sees the sites of the neutrino only, nothing is known about the other pixels"
        missing = {name: reason for name in segmentation.DESCRIPTIONS if name not in ours and name != "neutrino_auc"}
    score = weighted_sum(weights_SE, sums.score_ENK)
    curve = roc_curve(score[:, 1], score[:, 0])
    ours["neutrino_auc"] = area(*curve)
    auc_baselines = neutrino_auc_baselines(sums.value_EPTV, weights_SE)
    baselines |= {name: {"neutrino_auc": values} | baselines.get(name, {}) for name, values in auc_baselines.items()}
    return {
        **_compared(ours, baselines, segmentation.DESCRIPTIONS, primary=[PRIMARY], missing=missing),
        "baseline_rules": {
            **rules,
            "random": "a random score",
            "value": "the value of the site as its score, in whichever direction is better",
        },
        "classes": {"sites": list(CLASSES)},
        "confusion": {
            f"plane{plane}": {"classes": list(CLASSES), "counts": table.tolist()}
            for plane, table in enumerate(counts.sum(axis=0))
        },
        "roc": _saved_curve("sites", "neutrino", curve),
    }


def classification_summary(
    predictions: pd.DataFrame, sums: SiteSums, weights_SE: Floats, *, classes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Metrics of an event classification.

    Args:
        predictions: a row an event with {head}_true and {head}_prob{k}.
        sums: of the same events.
        weights_SE: samples of the events.
        classes: names of the classes of each head of the network.
    """
    ours: dict[str, Metrics] = {}
    baselines: dict[str, dict[str, Metrics]] = {name: {} for name in CLASS_BASELINES}
    missing, tables, calibrations, curves = {}, {}, {}, []
    for head, names in classes.items():
        truth = classification.head_truth(predictions, head)
        if truth is None:
            missing[head] = "the file has no truth for this head"
            continue
        prob = classification.head_probabilities(predictions, head)
        ours[head] = classification.head_metrics(truth, prob, weights_SE)
        rules = class_baselines(truth, len(names), sums.num_sites_E, sums.sum_value_E)
        for name, rule_prob in rules.items():
            baselines[name][head] = classification.head_metrics(truth, rule_prob, weights_SE)
        confusion, calibrations[head] = classification.head_tables(truth, prob)
        tables[head] = {"classes": list(names), **confusion}
        for label, class_name in enumerate(names):
            curve = classification.one_against_rest(truth, prob, weights_SE[:1], label)
            curves += _saved_curve(head, class_name, curve)
    if not ours:
        return _no_truth(classification.DESCRIPTIONS, "the file has no truth for any head") | {"not_available": missing}
    return {
        **_compared(
            over_heads(ours),
            {name: over_heads(heads) for name, heads in baselines.items()},
            classification.DESCRIPTIONS,
            primary=[f"{head}/{classification.PRIMARY}" for head in ours],
            missing=missing,
        ),
        "baseline_rules": CLASS_BASELINES,
        "classes": {head: list(names) for head, names in classes.items()},
        "confusion": tables,
        "calibration": calibrations,
        "roc": curves,
    }


def vertex_summary(
    vertices: Vertices, sums: SiteSums, weights_SE: Floats, *, geometry: Geometry, stride: int
) -> dict[str, Any]:
    """Metrics of found vertices.

    Args:
        vertices: found and true.
        sums: of the same events.
        weights_SE: samples of the events.
        geometry: of the images.
        stride: sites along each axis of a box.
    """
    if not np.isfinite(vertices.true_EPD).any():
        return _no_truth(vertex.DESCRIPTIONS, "the events have no vertex in any image")
    rules = {
        "mean_place": vertex.always_mean(vertices),
        "brightest_site": vertex.brightest_site(vertices, sums.brightest_EP, geometry),
    }
    found = {name: _vertex_metrics(one, weights_SE, stride) for name, one in {"": vertices, **rules}.items()}
    ours = found.pop("") | over_planes(vertex.certainty(vertices, weights_SE))
    return {
        **_compared(ours, found, vertex.DESCRIPTIONS, primary=[VERTEX_PRIMARY], missing={}),
        "baseline_rules": vertex.BASELINES,
        "classes": {},
        "confusion": {},
        "roc": [],
    }


def _vertex_metrics(vertices: Vertices, weights_SE: Floats, stride: int) -> Metrics:
    """Of every plane, their mean, and in space."""
    planes = over_planes(vertex.plane_metrics(vertices, weights_SE, stride))
    return planes | vertex.space_metrics(vertices, weights_SE)


def _compared(
    ours: Metrics,
    baselines: Mapping[str, Metrics],
    descriptions: Mapping[str, str],
    *,
    primary: Sequence[str],
    missing: Mapping[str, str],
) -> dict[str, Any]:
    """Every metric beside its baselines, and the verdict on the primary ones."""
    metrics = {}
    undefined = {}
    for name, values in ours.items():
        kind = name.rpartition("/")[2]
        if not np.isfinite(values[0]):
            undefined[name] = "not defined on these events: a class that it needs is empty"
            continue
        rivals = {rule: table[name] for rule, table in baselines.items() if name in table}
        better = kind not in (*classification.SMALLER_IS_BETTER, *vertex.SMALLER_IS_BETTER)
        metrics[name] = {"description": descriptions[kind], **compare(values, rivals, larger_is_better=better)}
    margins = {name: metrics[name]["margin"] for name in primary if name in metrics}
    return {
        "metrics": metrics,
        "primary": list(margins),
        "margins": margins,
        "beats_baselines": all(margin > 0 for margin in margins.values()) if margins else None,
        "not_available": dict(missing) | undefined,
    }


def _saved_curve(group: str, name: str, curve: tuple[Floats, Floats]) -> list[dict[str, Any]]:
    """The curve of the data itself; none where one of the two classes is empty."""
    auc = float(area(*curve)[0])
    if not np.isfinite(auc):
        return []
    return [{"group": group, "class": name, "auc": auc, **thin(curve[0][0], curve[1][0])}]


def _no_truth(descriptions: Mapping[str, str], reason: str) -> dict[str, Any]:
    return {
        "metrics": {},
        "primary": [],
        "margins": {},
        "beats_baselines": None,
        "not_available": dict.fromkeys(descriptions, reason),
        "baseline_rules": {},
        "classes": {},
        "confusion": {},
        "roc": [],
    }
