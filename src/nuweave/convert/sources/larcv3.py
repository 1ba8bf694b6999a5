"""larcv3 files that already hold images: our own shards and those of CosmicTagger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nuweave.convert.event import Event, Images, Provides, neutrino_vertex
from nuweave.convert.sources.source import is_hdf5, require_no_volume
from nuweave.physics.truth import MODE_OF_CODE, Mode
from nuweave.store import ShardReader, StoreError, open_h5, require_same_sites

IMAGES = ("sparse2d_image", "sparse3d_image", "sparse2d_sbndwire")
LABELS = ("sparse2d_label", "sparse3d_label", "sparse2d_sbnd_cosmicseg")
VERTICES = ("cluster2d_vertex", "cluster3d_vertex", "cluster2d_sbndneutrino")
PARTICLES = ("particle_truth", "particle_sbndneutrino")


class Larcv3:
    """A larcv3 file with images of one of the known names; the first that is present is taken, likewise for truth."""

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        require_no_volume(path, volume)
        self._reader = ShardReader(path)
        image = self._first(IMAGES)
        if image is None:
            self._reader.close()
            raise StoreError(
                f"{path}: has no image product: one of {', '.join(IMAGES)} is needed, "
                f"found {', '.join(self._reader.products) or 'nothing'}; rename the product, or write the file again"
            )
        self._image = image
        self._label, self._vertex, self._particles = (self._first(names) for names in (LABELS, VERTICES, PARTICLES))
        self.provides = Provides(
            site_labels=self._label is not None,
            semantics=False,
            vertex=self._vertex is not None,
            particles=self._particles is not None,
            mode=self._particles is not None,
        )
        self.generator: str | None = None
        self.generator_seed: str | None = None

    def _first(self, names: tuple[str, ...]) -> str | None:
        return next((name for name in names if name in self._reader.products), None)

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file has larcv's event table."""
        if not is_hdf5(path):
            return False
        with open_h5(path) as file:
            return "Events/event_id" in file and "Data" in file

    def __len__(self) -> int:
        return len(self._reader)

    def event(self, entry: int) -> Event:
        """Images and truth at a position of the file, which is also the event's number: stored keys may all be -1."""
        reader = self._reader
        values = reader.sparse(self._image, entry)
        labels = None if self._label is None else reader.sparse(self._label, entry)
        if labels is not None:
            require_same_sites(reader.path, entry, values, labels)
        vertex = None if self._vertex is None else reader.clusters(self._vertex, entry)
        particles = None if self._particles is None else reader.particles(self._particles, entry)
        mode = None if particles is None else read_mode(particles)
        where = None if particles is None else neutrino_vertex(particles)
        return Event(entry, Images(values, labels, None, vertex), where, particles, mode)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def read_mode(particles: NDArray[Any]) -> Mode | None:
    """The mode that LArSoft's code of the neutrino, the first row, stands for; None where it stands for none."""
    return MODE_OF_CODE.get(int(particles["interaction_type"][0])) if len(particles) else None
