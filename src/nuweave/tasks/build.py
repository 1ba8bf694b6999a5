"""From settings to a task."""

from __future__ import annotations

from nuweave.config.tasks import SegmentationConfig, TaskConfig
from nuweave.tasks.event_classification import EventClassification
from nuweave.tasks.protocol import Task
from nuweave.tasks.segmentation import Segmentation


def make_task(config: TaskConfig) -> Task:
    """The task of `config`."""
    if isinstance(config, SegmentationConfig):
        return Segmentation(config)
    return EventClassification(config)
