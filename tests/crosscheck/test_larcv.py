"""larcv 3.5.1 itself reads our files as we do, and we read what it writes. Needs .venv-larcv: `make crosscheck`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest

from nuweave.catalog import build_catalog, pack_part
from nuweave.crosscheck import Comparison, check, compare, read_content, roundtrip
from nuweave.crosscheck.child import larcv_reads
from nuweave.store import PARTICLE, Clusters, EventId, ShardReader, ShardWriter, SparseImage
from nuweave.store.repack import every_event, repack, shuffled
from nuweave.store.schema import EXTENTS, ID_EXTENTS, image_meta
from tests.crosscheck.conftest import CHECKOUT
from tests.mock import SHAPE, image, neutrino, write_shard, write_shards
from tests.workflow.conftest import Snakemake

pytestmark = [pytest.mark.larcv, pytest.mark.usefixtures("larcv")]

DIRECTIONS = pytest.mark.parametrize("compared", [check, roundtrip])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def clusters(*lengths: int) -> Clusters:
    """Clusters of the first sites of an image."""
    ids = np.concatenate([np.zeros(0, np.int64), *(np.arange(length) for length in lengths)])
    sites = SparseImage(ids, np.arange(len(ids), dtype=np.float32), SHAPE)
    return Clusters(sites, np.array(lengths, np.int64), np.arange(len(lengths)))


@DIRECTIONS
def test_the_real_sbnd_file(shared_data: Path, compared: Callable[[Path], Comparison]) -> None:
    found = compared(shared_data / "larcv3/sbnd_2events.h5")
    assert found.differences == ()
    assert (found.events, found.images, found.voxels, found.clusters, found.particles) == (2, 24, 288841, 7644, 11)


@DIRECTIONS
@pytest.mark.parametrize(("shape", "num_planes"), [((32, 24), 3), ((8, 8, 8), 1)])
def test_a_shard(
    tmp_path: Path, compared: Callable[[Path], Comparison], shape: tuple[int, ...], num_planes: int
) -> None:
    found = compared(write_shard(tmp_path / "shard.h5", num_events=4, shape=shape, num_planes=num_planes))
    assert found.differences == ()
    assert (found.events, found.images, found.clusters) == (4, 4 * 3 * num_planes, 4 * num_planes)
    assert (found.voxels, found.particles) == (4 * num_planes * (40 + 40 + 1), 4 * (3 + 5))


@DIRECTIONS
def test_a_packed_file(tmp_path: Path, compared: Callable[[Path], Comparison]) -> None:
    pack_part(build_catalog(write_shards(tmp_path, 2)), tmp_path / "train.h5", seed=1)
    found = compared(tmp_path / "train.h5")
    assert (found.events, found.differences) == (12, ())


@DIRECTIONS
@pytest.mark.parametrize("layout", ["contiguous", "archive"])
def test_a_repacked_file(
    tmp_path: Path, compared: Callable[[Path], Comparison], layout: Literal["contiguous", "archive"]
) -> None:
    picks = shuffled(every_event(write_shards(tmp_path, 2)), seed=1)
    repack([tmp_path / "0.h5", tmp_path / "1.h5"], picks, tmp_path / "all.h5", layout=layout)
    found = compared(tmp_path / "all.h5")
    assert (found.events, found.differences) == (12, ())


@DIRECTIONS
def test_planes_without_voxels_and_events_without_particles(
    tmp_path: Path, rng: np.random.Generator, compared: Callable[[Path], Comparison]
) -> None:
    path = tmp_path / "shard.h5"
    with ShardWriter(path) as writer:
        for event, (sites, num_particles) in enumerate([((40, 7), 3), ((0, 5), 0), ((0, 0), 1), ((1, 0), 2)]):
            writer.append(
                EventId(1, 2, event),
                sparse={"sparse2d_image": [image(rng, projection=i, num_sites=num) for i, num in enumerate(sites)]},
                particles={"particle_truth": neutrino()[:num_particles]},
            )
    found = compared(path)
    assert (found.voxels, found.particles, found.differences) == (53, 6, ())


@DIRECTIONS
def test_clusters_of_any_length(tmp_path: Path, compared: Callable[[Path], Comparison]) -> None:
    path = tmp_path / "shard.h5"
    with ShardWriter(path) as writer:
        for event, lengths in enumerate([(3, 0, 2), (0,), (5,)]):
            writer.append(EventId(0, 0, event), clusters={"cluster2d_vertex": [clusters(*lengths)]})
    found = compared(path)
    assert (found.clusters, found.voxels, found.differences) == (5, 10, ())


@DIRECTIONS
def test_every_field_of_a_particle(
    tmp_path: Path, rng: np.random.Generator, compared: Callable[[Path], Comparison]
) -> None:
    rows = np.frombuffer(rng.bytes(5 * PARTICLE.itemsize), PARTICLE).copy()
    rows["process"] = [b"", b"primary", b"p" * 63, b"muIoni\0left over", "\u00b5".encode()]
    path = tmp_path / "shard.h5"
    with ShardWriter(path) as writer:
        writer.append(EventId(0, 0, 0), particles={"particle_truth": rows})
    assert compared(path).differences == ()


def test_an_event_without_images_is_read_as_such(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "shard.h5"
    with ShardWriter(path) as writer:
        for event, num_planes in enumerate((0, 2, 0, 0, 1)):
            images = [image(rng, projection=plane) for plane in range(num_planes)]
            writer.append(EventId(0, 0, event), sparse={"sparse2d_image": images})
    found = check(path)
    assert (found.images, found.without_images, found.differences) == (3, 3, ())
    assert "no images: 3 (there larcv repeats the event before, a fault of its own)" in str(found)
    # its writer repeats them too
    assert [(one.event, one.what.split()[0]) for one in roundtrip(path).differences] == [
        (2, "num_images"),
        (3, "num_images"),
        (4, "num_images"),
    ]


def test_an_event_without_clusters_kills_larcv_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "shard.h5"
    with ShardWriter(path) as writer:
        for event, lengths in enumerate([(3,), ()]):
            writer.append(EventId(0, 0, event), clusters={"cluster2d_vertex": [clusters(*lengths)]})
    assert [str(one) for one in check(path).differences] == [
        f"{path}: cluster2d_vertex, event 1: larcv dies of SIGSEGV"
    ]


def test_a_product_of_another_kind_is_named_as_not_compared(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "shard.h5", num_events=2)
    with h5py.File(path, "r+") as file:
        group = file.create_group("Data/image2d_photo_group")
        group["extents"] = np.zeros(2, EXTENTS)  # no image in either event
        for name, dtype in (("image_extents", ID_EXTENTS), ("image_meta", image_meta(2)), ("images", np.float32)):
            group[name] = np.zeros(0, dtype)
    found = check(path)
    assert (found.left_out, found.differences) == (("image2d_photo",), ())
    assert str(found).endswith("; not compared: image2d_photo")


def test_what_is_changed_in_a_file_is_found(tmp_path: Path) -> None:
    path, other = write_shard(tmp_path / "one.h5"), write_shard(tmp_path / "other.h5")
    with h5py.File(other, "r+") as file:
        for dataset, row, field, value in (
            ("sparse2d_image_group/voxels", 130, "value", 0.5),  # event 1, of 3 * 40 voxels
            ("sparse2d_label_group/image_meta", 8, "origin", (3.0, 0.0)),  # event 2, of 3 planes
            ("cluster2d_vertex_group/voxels", 10, "id", 6),  # event 3, of 3 clusters
            ("particle_truth_group/particles", 13, "pdg", 2112),  # event 4, of 3 particles
        ):
            table = file[f"Data/{dataset}"]
            rows = table[row : row + 1]
            rows[field] = value
            table[row : row + 1] = rows
    with ShardReader(path) as reader:
        found = list(compare(path, read_content(reader), larcv_reads(other)))
    assert [(one.product, one.event, one.what.split()[0]) for one in found] == [
        ("cluster2d_vertex", 3, "id"),
        ("particle_truth", 4, "pdg"),
        ("sparse2d_image", 1, "value"),
        ("sparse2d_label", 2, "origin"),
    ]


def test_the_rule_checks_every_shard_and_packed_file_of_a_run(snakemake: Snakemake) -> None:
    directory: Path = snakemake.directory  # type: ignore[attr-defined]
    (directory / ".venv-larcv").symlink_to(CHECKOUT / ".venv-larcv")
    snakemake("larcv_check")
    root = directory / "results/small"
    records = json.loads((root / "larcv_check.json").read_text())
    names = [f"shards/{i:03d}.h5" for i in range(4)] + [f"packed/{part}.h5" for part in ("train", "val", "test")]
    assert [record["path"] for record in records] == [f"results/small/{name}" for name in names]
    assert [record["events"] for record in records] == [6, 6, 6, 6, 12, 6, 6]
    assert all(record["differences"] == [] for record in records)
