"""What is said of a model's predictions, by the kind of its task.

Shapes: E events, S samples of events.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nuweave.config.tasks import EventClassificationConfig, SegmentationConfig, SeveralConfig, TaskConfig, VertexConfig
from nuweave.evaluate import segmentation, vertex
from nuweave.evaluate.baselines import SiteSums
from nuweave.evaluate.classification import log_probability_of_truth
from nuweave.evaluate.geometry import Geometry
from nuweave.evaluate.summary import classification_summary, segmentation_summary, vertex_summary
from nuweave.tasks.event_classification import head_classes
from nuweave.tasks.ratios import Floats


class Predictions(NamedTuple):
    """What a model said of the events, and what is known of them.

    Attributes:
        table: a row an event, its predictions beside what the catalogue knows.
        sums: of the sites of the same events.
        weights_SE: how often an event counts in a sample.
        shape: sites along each axis of an image.
        num_planes: images an event.
        geometry: of the images.
    """

    table: pd.DataFrame
    sums: SiteSums
    weights_SE: Floats
    shape: tuple[int, ...]
    num_planes: int
    geometry: Geometry


class Verdict(NamedTuple):
    """What is saved.

    Attributes:
        score_E: ranks events from worst to best; nan without truth.
        columns: float64[E] each, to stand in the table of predictions.
        summary: of metrics.json; of several tasks `parts`, for each its settings and its summary.
    """

    score_E: Floats
    columns: dict[str, Floats]
    summary: dict[str, Any]


def judge(config: TaskConfig, predictions: Predictions) -> Verdict:
    """The verdict on a task; of several, the first ranks the events and {name}_score is the score of each."""
    if isinstance(config, SeveralConfig):
        return _several(config, predictions)
    if isinstance(config, EventClassificationConfig):
        return _event_classification(config, predictions)
    if isinstance(config, VertexConfig):
        return _vertex(config, predictions)
    return _segmentation(config, predictions)


def _several(config: SeveralConfig, predictions: Predictions) -> Verdict:
    verdicts = {name: judge(task, predictions) for name, task in config.tasks.items()}
    columns = {f"{name}_score": one.score_E for name, one in verdicts.items()}
    for one in verdicts.values():
        columns |= one.columns
    parts = {
        name: {"task": config.tasks[name].model_dump(mode="json"), **one.summary} for name, one in verdicts.items()
    }
    return Verdict(
        score_E=next(iter(verdicts.values())).score_E,
        columns=columns,
        summary={"parts": parts},
    )


def _segmentation(config: SegmentationConfig, predictions: Predictions) -> Verdict:
    table, num_planes = predictions.table, predictions.num_planes
    counts = segmentation.site_counts(table, num_planes)
    num_pixels = math.prod(predictions.shape) if config.sites == "all" else None
    return Verdict(
        score_E=np.full(len(table), np.nan) if counts is None else segmentation.event_score(counts),
        columns={},
        summary=segmentation_summary(
            table, predictions.sums, predictions.weights_SE, num_planes=num_planes, num_pixels=num_pixels
        ),
    )


def _event_classification(config: EventClassificationConfig, predictions: Predictions) -> Verdict:
    table = predictions.table
    return Verdict(
        score_E=log_probability_of_truth(table, config.heads),
        columns={},
        summary=classification_summary(table, predictions.sums, predictions.weights_SE, classes=head_classes(config)),
    )


def _vertex(config: VertexConfig, predictions: Predictions) -> Verdict:
    vertices = vertex.read_vertices(predictions.table, predictions.geometry)
    return Verdict(
        score_E=vertex.event_score(vertices),
        columns=vertex.vertex_columns(vertices),
        summary=vertex_summary(
            vertices,
            predictions.sums,
            predictions.weights_SE,
            geometry=predictions.geometry,
            stride=config.anchor_stride,
        ),
    )
