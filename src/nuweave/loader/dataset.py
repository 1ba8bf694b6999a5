"""A packed file as a sequence of events."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nuweave.catalog import image_and_label, read_classes
from nuweave.loader.augment import Flips, flip_event
from nuweave.loader.batch import Event, SparseBatch, collate
from nuweave.store import ShardReader, require_same_sites


class PackedDataset:
    """The events of a larcv3 file with sparse2d_image or sparse3d_image. Contiguous voxels are mapped, not read.

    Args:
        path: the file.
    Raises:
        StoreError: the file cannot be used, has no image or both kinds, or its images differ in shape.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with ShardReader(path) as reader:
            self._image, self._label = image_and_label(reader)
            self.shape, self.num_planes = reader.geometry(self._image)
            self._classes = read_classes(reader)
            self._num_events = len(reader)
        self._reader: ShardReader | None = None
        self._reader_process = -1

    def __len__(self) -> int:
        return self._num_events

    @property
    def ndim(self) -> int:
        """Axes of an image: 2 wire and time, 3 space."""
        return len(self.shape)

    @property
    def has_labels(self) -> bool:
        """Whether the file has a label for every site."""
        return self._label is not None

    @property
    def heads(self) -> tuple[str, ...]:
        """Event classes that the file can give."""
        return tuple(self._classes)

    def read(self, entries: Sequence[int], *, flips: Sequence[Flips] | None = None) -> SparseBatch:
        """Some events as one batch.

        Args:
            entries: positions in the file, at least one; repeats are allowed.
            flips: the axes along which to mirror each.
        Raises:
            StoreError: an event cannot be read, or its image and label disagree.
        """
        events = [self.event(int(entry)) for entry in entries]
        if flips is not None:
            events = [flip_event(event, axes) for event, axes in zip(events, flips, strict=True)]
        return collate(events, shape=self.shape, num_planes=self.num_planes)

    def event(self, entry: int) -> Event:
        """One event; errors as `read`."""
        reader = self._open()
        images = reader.sparse(self._image, entry)
        labels = None if self._label is None else reader.sparse(self._label, entry)
        if labels is not None:
            require_same_sites(self.path, entry, images, labels)
        truth = {head: int(classes[entry]) for head, classes in self._classes.items()}
        return Event(reader.event_id(entry), images, labels, truth)

    def _open(self) -> ShardReader:
        """The file, opened once in each process: an HDF5 handle does not survive a fork."""
        if self._reader is None or self._reader_process != os.getpid():
            self._reader, self._reader_process = ShardReader(self.path), os.getpid()
        return self._reader
