"""From a packed file to batches of torch tensors: bytes, order, augmentation. The first room that imports torch."""

from nuweave.loader.batch import Event, SparseBatch, collate
from nuweave.loader.dataset import PackedDataset
from nuweave.loader.stream import TrainingStream, evaluation_batches, training_stream

__all__ = [
    "Event",
    "PackedDataset",
    "SparseBatch",
    "TrainingStream",
    "collate",
    "evaluation_batches",
    "training_stream",
]
