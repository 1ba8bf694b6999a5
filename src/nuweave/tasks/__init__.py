"""What a network is trained to do: input, loss, counts, metrics, predictions."""

from nuweave.tasks.build import make_task
from nuweave.tasks.protocol import Task, TaskError, in_file, mean_loss

__all__ = ["Task", "TaskError", "in_file", "make_task", "mean_loss"]
