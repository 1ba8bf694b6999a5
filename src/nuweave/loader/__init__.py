"""From larcv3 files to batches of torch tensors: order, bytes, augmentation. The first room that imports torch."""

from nuweave.loader.batch import SparseBatch
from nuweave.loader.dataset import EventDataset
from nuweave.loader.errors import LoaderError
from nuweave.loader.iterable import EventBatches
from nuweave.loader.sampler import Sampler
from nuweave.loader.staging import stage, staged_path
from nuweave.loader.stream import TrainingStream, evaluation_batches, make_sampler

__all__ = [
    "EventBatches",
    "EventDataset",
    "LoaderError",
    "Sampler",
    "SparseBatch",
    "TrainingStream",
    "evaluation_batches",
    "make_sampler",
    "stage",
    "staged_path",
]
