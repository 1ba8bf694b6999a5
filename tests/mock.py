"""Small seeded events for every test that needs a file: a known shape, values that a reader can check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nuweave.store import PARTICLE, Clusters, EventId, ShardWriter, SparseImage

SHAPE = (32, 24)
NUM_PLANES = 3


def image(
    rng: np.random.Generator, *, shape: tuple[int, ...] = SHAPE, projection: int = 0, num_sites: int = 40
) -> SparseImage:
    """`num_sites` random sites with values from 1 to 100."""
    ids = np.sort(rng.choice(int(np.prod(shape)), num_sites, replace=False)).astype(np.int64)
    return SparseImage(ids, rng.uniform(1, 100, num_sites).astype(np.float32), shape, projection)


def labels(rng: np.random.Generator, of: SparseImage) -> SparseImage:
    """A label 0, 1 or 2 on every site of `of`."""
    return SparseImage(of.ids, rng.integers(0, 3, len(of.ids)).astype(np.float32), of.shape, of.projection)


def neutrino(*, pdg: int = 14, is_nc: bool = False, energy_gev: float = 0.8) -> NDArray[np.void]:
    """Particle truth as SBND files have it: the neutrino, a muon and a proton of 100 MeV kinetic energy."""
    rows = np.zeros(3, PARTICLE)
    rows["pdg"] = [pdg, 13, 2212]
    rows["energy_init"] = [energy_gev, 0.5, 0.938272 + 0.1]
    rows["current_type"] = [int(is_nc), -1, -1]
    rows["interaction_type"] = [1001, -1, -1]
    for axis, value in zip("xyz", (10.0, -20.0, 250.0), strict=True):
        rows["vtx"][axis] = value
    return rows


def class_product(index: int) -> NDArray[np.void]:
    """One particle whose pdg field holds a class, as SparseEventID stores its labels."""
    row = np.zeros(1, PARTICLE)
    row["pdg"] = index
    return row


def write_shard(
    path: Path,
    *,
    num_events: int = 6,
    seed: int = 1,
    run: int = 0,
    shape: tuple[int, ...] = SHAPE,
    num_planes: int = NUM_PLANES,
    num_sites: int = 40,
) -> Path:
    """A shard with every product that convert writes; event i is of neutrino class i % 3."""
    rng = np.random.default_rng(seed)
    ndim = len(shape)
    with ShardWriter(path) as writer:
        for event in range(num_events):
            images = [image(rng, shape=shape, projection=plane, num_sites=num_sites) for plane in range(num_planes)]
            vertex = [
                Clusters(
                    SparseImage(np.array([5], np.int64), np.ones(1, np.float32), shape, plane),
                    np.array([1]),
                    np.array([0]),
                )
                for plane in range(num_planes)
            ]
            flavour = event % 3
            writer.append(
                EventId(run, 0, event),
                sparse={f"sparse{ndim}d_image": images, f"sparse{ndim}d_label": [labels(rng, one) for one in images]},
                clusters={f"cluster{ndim}d_vertex": vertex},
                particles={
                    "particle_truth": neutrino(pdg=12 if flavour == 0 else 14, is_nc=flavour == 2),
                    "particle_neutID": class_product(flavour),
                    "particle_protID": class_product(1),
                    "particle_cpiID": class_product(event % 2),
                    "particle_npiID": class_product(0),
                    "particle_cvnID": class_product((4, 0, 12)[flavour]),  # nue QE, numu QE, NC
                },
            )
    return path


def write_manifest(shard: Path, *, source: str, generator_seed: str | None = None) -> None:
    """The provenance that convert leaves beside a shard, as far as the catalog needs it."""
    shard.with_suffix(".json").write_text(json.dumps({"source": source, "generator_seed": generator_seed}))


def write_shards(folder: Path, num: int, *, num_events: int = 6) -> list[Path]:
    """`num` shards with manifests; shard i has run i, source "i.raw" and a generator stream of its own."""
    shards = [write_shard(folder / f"{i}.h5", num_events=num_events, seed=i, run=i) for i in range(num)]
    for i, shard in enumerate(shards):
        write_manifest(shard, source=f"{i}.raw", generator_seed=f"7/{i}")
    return shards
