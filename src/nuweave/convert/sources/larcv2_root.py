"""larcv2 ROOT files: dense images (Image2D) and particles, read leaf by leaf with uproot.

Source: larcv2 data products; layout, units and the order of pixels checked on a file of the larcv tutorial.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from numpy.typing import NDArray

from nuweave.convert.event import Event, Images, Provides, Vertex, neutrino_vertex
from nuweave.convert.sources.larcv3 import read_mode
from nuweave.convert.sources.source import common_vertex, event_numbers, is_root, reading, require_no_volume
from nuweave.physics.truth import NUE, NUMU, NUTAU
from nuweave.store import PARTICLE, SparseImage, StoreError
from nuweave.store.schema import VERTEX

IMAGES = ("data", "wire", "sbndwire")
PARTICLES = ("mctruth", "sbndneutrino")
TREE = re.compile(r"(image2d|sparse2d|sparse3d|cluster2d|cluster3d|particle)_.+_tree")
PLACES = tuple(name for name in PARTICLE.names or () if PARTICLE[name] == VERTEX)
MOMENTA = ("px", "py", "pz")


class Larcv2Root:
    """A larcv2 file with images of one of the known producers; the first that is present is taken, likewise for truth.

    Particles are truth only where the first of them is a neutrino; else only their vertex is.
    """

    def __init__(self, path: Path, *, volume: str | None = None) -> None:
        require_no_volume(path, volume)
        self._path = path
        with reading(path, "the list of its trees"):
            self._file = uproot.open(path)
            self._names = tree_names(self._file)
            images, self._particles = self._first("image2d", IMAGES), self._first("particle", PARTICLES)
        if images is None:
            self.close()
            raise StoreError(
                f"{path}: has no tree image2d_NAME_tree, NAME one of {', '.join(IMAGES)}, found "
                f"{', '.join(self._names) or 'nothing'}; convert it to larcv3 (SparseTensor3D and others of larcv2 are "
                "not read: no real file has verified their layout)"
            )
        self._images = images
        with reading(path, "its event numbers and PDG codes"):
            self._numbers = event_numbers(images["_event"].array(library="np"))
            has_neutrino = self._particles is not None and starts_with_neutrino(self._particles)
        # the vertex is known in cm only, not in pixels
        self.provides = Provides(
            site_labels=False, semantics=False, vertex=False, particles=has_neutrino, mode=has_neutrino
        )
        self.generator: str | None = None
        self.generator_seed: str | None = None

    def _first(self, kind: str, producers: tuple[str, ...]) -> Any:
        """The tree of the first producer that is present; None where none is."""
        trees = (f"{kind}_{producer}_tree" for producer in producers)
        return next((self._file[name] for name in trees if name in self._names), None)

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file is ROOT with trees named as larcv2 does."""
        if not is_root(path):
            return False
        with reading(path, "the list of its trees"), uproot.open(path) as file:
            return any(TREE.fullmatch(name) for name in tree_names(file))

    def __len__(self) -> int:
        return len(self._numbers)

    def event(self, entry: int) -> Event:
        """Images and, where the file has a neutrino, truth."""
        with reading(self._path, f"entry {entry}"):
            content = Images(read_images(_leaves(self._images, "_image_v.", entry)), None, None, None)
            rows = np.zeros(0, PARTICLE)
            if self._particles is not None:
                rows = read_particles(_leaves(self._particles, "_part_v.", entry))
        number = int(self._numbers[entry])
        if not self.provides.particles:
            return Event(number, content, primary_vertex(rows), None, None)
        return Event(number, content, neutrino_vertex(rows), rows, read_mode(rows))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def tree_names(file: Any) -> list[str]:
    """Names of the trees, which larcv2 builds as {type}_{producer}_tree."""
    return sorted({key.partition(";")[0] for key, kind in file.classnames().items() if kind == "TTree"})


def starts_with_neutrino(tree: Any) -> bool:
    """Whether in some event the first particle is a neutrino."""
    codes = tree["_part_v._pdg"].array(library="np")
    return any(len(one) and abs(int(one[0])) in (NUE, NUMU, NUTAU) for one in codes)


def _leaves(tree: Any, prefix: str, entry: int) -> dict[str, Any]:
    """The values of one entry by the name of the leaf, without its prefix; bounding boxes are left out."""
    names = [key.rpartition("/")[2] for key in tree.keys(recursive=True)]
    wanted = [name for name in names if name.startswith(prefix) and "bb" not in name]
    part = {"entry_start": entry, "entry_stop": entry + 1}
    return {name.removeprefix(prefix): tree[name].array(**part)[0] for name in wanted}


def read_images(leaves: dict[str, Any]) -> list[SparseImage]:
    """The pixels that are not 0, a projection an image.

    Args:
        leaves: of the images of an event. Pixels are stored column after column, a column is a wire.
    Raises:
        ValueError: the number of pixels is not that of the columns times that of the rows.
    """
    images = []
    for plane, pixels in enumerate(leaves["_img"]):
        dense = np.asarray(pixels, np.float32)
        shape = tuple(int(leaves[f"_meta._{axis}_count"][plane]) for axis in ("col", "row"))
        if len(dense) != shape[0] * shape[1]:
            raise ValueError(f"image {plane} has {len(dense)} pixels, not {shape[0]} x {shape[1]}")
        low, high = ([float(leaves[f"_meta._{edge}.{axis}"][plane]) for axis in "xy"] for edge in ("p1", "p2"))
        size = (high[0] - low[0], high[1] - low[1])
        ids = np.flatnonzero(dense)
        images.append(SparseImage(ids, dense[ids], shape, plane, size=size, origin=(low[0], low[1])))
    return images


def read_particles(leaves: dict[str, Any]) -> NDArray[Any]:
    """Rows of PARTICLE; larcv2 stores momenta in MeV, energies in GeV, places in cm and times in ns."""
    rows = np.zeros(len(leaves["_pdg"]), PARTICLE)
    for name in PARTICLE.names or ():
        if name in PLACES:
            for axis in "xyzt":
                rows[name][axis] = leaves[f"_{name}._{axis}"]
        else:
            rows[name] = leaves[f"_{name}"].tolist()
    for name in MOMENTA:
        rows[name] /= 1000.0
    return rows


def primary_vertex(rows: NDArray[Any]) -> Vertex | None:
    """Where the primary particles start, if that is one place."""
    start = rows["vtx"][rows["process"] == b"primary"]
    return common_vertex(np.stack([start[axis] for axis in "xyz"], axis=1), start["t"] / 1000.0)
