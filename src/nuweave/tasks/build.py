"""From settings to a task."""

from __future__ import annotations

from nuweave.config.tasks import SegmentationConfig, SeveralConfig, TaskConfig, VertexConfig
from nuweave.tasks.event_classification import EventClassification
from nuweave.tasks.protocol import Task
from nuweave.tasks.segmentation import Segmentation
from nuweave.tasks.several import Several
from nuweave.tasks.vertex import Vertex


def make_task(config: TaskConfig) -> Task:
    """The task of `config`."""
    if isinstance(config, SeveralConfig):
        return Several(config, {name: make_task(task) for name, task in config.tasks.items()})
    if isinstance(config, SegmentationConfig):
        return Segmentation(config)
    if isinstance(config, VertexConfig):
        return Vertex(config)
    return EventClassification(config)
