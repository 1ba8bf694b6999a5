"""larcv3 files as a sequence of events, and batches of them.

Shape letters: N sites of a batch, E events of the files, B events of a batch, P planes.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nuweave.catalog import image_and_label, read_classes, read_vertices
from nuweave.loader.batch import SparseBatch
from nuweave.loader.slab import HostBatch, Slab
from nuweave.physics.truth import SiteLabel
from nuweave.store import Columns, ShardReader, SiteReader, StoreError, even_pieces, id_type

MAX_OPEN = 64  # files of a process that are open at once


@dataclass(frozen=True)
class FileContent:
    """What one file holds, but for its sites.

    Attributes:
        image, label: names of the products; no label where the source has none.
        shape: sites along each axis.
        num_planes: P.
        sites_E: int64, sites of each event.
        event_ids_E3: int64, run, subrun and event.
        truth: head -> int64[E].
        vertex_EP: int64, site of the vertex; None where the file has none.
        digest: SHA-256 of its tables.
    """

    image: str
    label: str | None
    shape: tuple[int, ...]
    num_planes: int
    sites_E: NDArray[np.int64]
    event_ids_E3: NDArray[np.int64]
    truth: Mapping[str, NDArray[np.int64]]
    vertex_EP: NDArray[np.int64] | None
    digest: str


class EventDataset:
    """The events of larcv3 files, packed or as they are, one file after the other.

    Args:
        paths: one file, or several with the same products, images and truth.
        image, label: names of the products; by default those that `nuweave convert` writes.
        verify: compare blocks with their checksums when they are first read.
    Raises:
        StoreError: a file cannot be used, has no image or both kinds, its images differ in shape, or two files differ.
    """

    def __init__(
        self, paths: Path | Sequence[Path], *, image: str | None = None, label: str | None = None, verify: bool = True
    ) -> None:
        self.paths = (paths,) if isinstance(paths, Path) else tuple(paths)
        self._verify = verify
        files = [_read_content(path, image, label) for path in self.paths]
        for path, file in zip(self.paths, files, strict=True):
            _require_like(file, path, files[0], self.paths[0])
        self._image, self._label = files[0].image, files[0].label
        self.shape, self.num_planes = files[0].shape, files[0].num_planes
        self.sites_E = np.concatenate([file.sites_E for file in files])
        self.manifest = hashlib.sha256("".join(file.digest for file in files).encode()).hexdigest()
        self._first_entries = np.cumsum([0, *(len(file.sites_E) for file in files)])
        self._event_ids_E3 = np.concatenate([file.event_ids_E3 for file in files])
        self._truth = {head: np.concatenate([file.truth[head] for file in files]) for head in files[0].truth}
        vertices = [file.vertex_EP for file in files if file.vertex_EP is not None]
        self._vertex_EP = np.concatenate(vertices) if vertices else None
        self._readers: OrderedDict[int, SiteReader] = OrderedDict()
        self._readers_process, self._lock = os.getpid(), threading.Lock()

    def __len__(self) -> int:
        return len(self.sites_E)

    def __reduce__(self) -> tuple[Callable[[], EventDataset], tuple[()]]:
        """Another process opens the files itself."""
        again = partial(EventDataset, self.paths, image=self._image, label=self._label, verify=self._verify)
        return again, ()

    @property
    def ndim(self) -> int:
        """Axes of an image: 2 wire and time, 3 space."""
        return len(self.shape)

    @property
    def has_labels(self) -> bool:
        """Whether the files have a label for every site."""
        return self._label is not None

    @property
    def heads(self) -> tuple[str, ...]:
        """Event classes that the files can give."""
        return tuple(self._truth)

    def read(self, entries: Sequence[int]) -> SparseBatch:
        """Some events as one batch, in host memory.

        Args:
            entries: positions in the dataset; repeats are allowed.
        Raises:
            StoreError: an event cannot be read or is damaged, or a file was changed.
        """
        slab = self.new_slab(torch.device("cpu"))
        return self.decode(self.fill(slab, np.array(entries, np.int64)), slab)

    def new_slab(self, device: torch.device) -> Slab:
        """Room for batches on their way to a device."""
        return Slab(id_type(self.shape), device)

    def fill(
        self,
        slab: Slab,
        entries_B: NDArray[np.int64],
        *,
        epochs_B: NDArray[np.int64] | None = None,
        pool: Executor | None = None,
        num_threads: int = 1,
    ) -> HostBatch:
        """Read events into a slab; errors as `read`.

        Args:
            slab: one of `new_slab`.
            entries_B: positions in the dataset.
            epochs_B: how often each event was seen before; it decides their augmentation.
            pool: threads that share the work.
            num_threads: how many pieces to cut it into.
        """
        room = slab.room(int(self.sites_E[entries_B].sum()))
        starts_B = np.cumsum(self.sites_E[entries_B]) - self.sites_E[entries_B]
        pieces = even_pieces(self.sites_E[entries_B], num_threads)
        jobs = [(entries_B[piece], starts_B[piece], room) for piece in pieces]
        if pool is None:
            sites_BP = [self._read_piece(*job) for job in jobs]
        else:
            sites_BP = list(pool.map(lambda job: self._read_piece(*job), jobs))
        return HostBatch(
            num_sites=len(room.values),
            sites_BP=np.concatenate([np.empty((0, self.num_planes), np.int64), *sites_BP]),
            entries_B=entries_B,
            epochs_B=np.zeros_like(entries_B) if epochs_B is None else epochs_B,
            event_ids_B3=self._event_ids_E3[entries_B],
            truth={head: classes_E[entries_B] for head, classes_E in self._truth.items()},
            vertex_BP=None if self._vertex_EP is None else self._vertex_EP[entries_B],
        )

    def decode(self, host: HostBatch, slab: Slab) -> SparseBatch:
        """A batch on the device: site numbers and labels widened, planes counted out.

        Args:
            host: what `fill` gave.
            slab: that it lies in; it may be filled again afterwards.
        """
        sites_N, values_N, labels_N = slab.copy_out(host.num_sites, with_labels=self.has_labels)
        device = sites_N.device
        counts = torch.from_numpy(host.sites_BP.reshape(-1)).to(device)
        images_N = torch.repeat_interleave(torch.arange(len(counts), device=device), counts, output_size=host.num_sites)
        return SparseBatch(
            sites_N=sites_N,
            images_N=images_N,
            values_N=values_N,
            labels_N=labels_N,
            shape=self.shape,
            num_events=len(host.entries_B),
            num_planes=self.num_planes,
            event_ids_B3=torch.from_numpy(host.event_ids_B3).to(device),
            truth={head: torch.from_numpy(classes_B).to(device) for head, classes_B in host.truth.items()},
            vertex_BP=None if host.vertex_BP is None else torch.from_numpy(host.vertex_BP).to(device),
        )

    def locate(self, entry: int) -> tuple[Path, int]:
        """The file of an event, and its position there."""
        file = int(np.searchsorted(self._first_entries, entry, side="right")) - 1
        return self.paths[file], entry - int(self._first_entries[file])

    def _read_piece(
        self, entries_B: NDArray[np.int64], starts_B: NDArray[np.int64], room: Columns
    ) -> NDArray[np.int64]:
        """Read events to where they begin in the slab; gives the sites of each plane."""
        files_B = np.searchsorted(self._first_entries, entries_B, side="right") - 1
        sites_BP = []
        for file, run in groupby(range(len(entries_B)), key=lambda b: int(files_B[b])):
            members = list(run)
            events = entries_B[members] - self._first_entries[file]
            reader = self._reader(file)
            reader.read(events.tolist(), room, at=int(starts_B[members[0]]))
            sites_BP.append(reader.plane_sites(events))
        return np.concatenate([np.empty((0, self.num_planes), np.int64), *sites_BP])

    def _reader(self, file: int) -> SiteReader:
        """A file, open in this process; the one that was not asked for longest is let go."""
        with self._lock:
            if self._readers_process != os.getpid():  # an HDF5 handle does not survive a fork
                self._readers, self._readers_process = OrderedDict(), os.getpid()
            if file not in self._readers:
                shard = ShardReader(self.paths[file], verify=self._verify)
                self._readers[file] = SiteReader(
                    shard, image=self._image, label=self._label, num_classes=len(SiteLabel)
                )
                if len(self._readers) > MAX_OPEN:
                    self._readers.popitem(last=False)
            self._readers.move_to_end(file)
            return self._readers[file]


def _read_content(path: Path, image: str | None, label: str | None) -> FileContent:
    """Everything of a file but its sites; the file is closed again."""
    with ShardReader(path, verify=False) as reader:
        if image is None:
            image, label = image_and_label(reader)
        sites = SiteReader(reader, image=image, label=label)
        ids = reader.event_ids
        return FileContent(
            image=image,
            label=label,
            shape=sites.shape,
            num_planes=sites.num_planes,
            sites_E=sites.num_sites,
            event_ids_E3=np.stack([ids["run"], ids["subrun"], ids["event"]], axis=1),
            truth={head: classes.astype(np.int64) for head, classes in read_classes(reader).items()},
            vertex_EP=read_vertices(reader, image),
            digest=reader.index.digest,
        )


def _require_like(file: FileContent, path: Path, first: FileContent, first_path: Path) -> None:
    """All files must give the same things.

    Raises:
        StoreError: they do not; the message names both files.
    """
    for what, one, other in (
        ("the image product", first.image, file.image),
        ("the label product", first.label, file.label),
        ("the shape of images", first.shape, file.shape),
        ("the number of planes", first.num_planes, file.num_planes),
        ("event classes", sorted(first.truth), sorted(file.truth)),
        ("a vertex", first.vertex_EP is not None, file.vertex_EP is not None),
    ):
        if one != other:
            raise StoreError(
                f"{first_path} and {path} differ in {what}: {one} and {other}; "
                "convert all sources with the same settings"
            )
