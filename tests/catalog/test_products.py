"""Image, label and classes are found as stored; what cannot be one is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.catalog import image_and_label, read_classes, read_vertices
from nuweave.convert.downsample import downsample_clusters
from nuweave.store import Clusters, EventId, ShardReader, ShardWriter, SparseImage, StoreError
from tests import mock


def _write(path: Path, rows: list[NDArray[np.void]], product: str = "particle_neutID") -> ShardReader:
    with ShardWriter(path) as writer:
        for event, one in enumerate(rows):
            writer.append(EventId(0, 0, event), particles={product: one})
    return ShardReader(path)


def test_an_event_without_a_class_is_minus_one_and_an_absent_product_is_missing(tmp_path: Path) -> None:
    rows = [mock.class_product(2), mock.class_product(0)[:0], mock.class_product(0)]
    with _write(tmp_path / "a.h5", rows) as reader:
        classes = read_classes(reader)
    assert {head: one.tolist() for head, one in classes.items()} == {"neutrino": [2, -1, 0]}


@pytest.mark.parametrize(
    ("rows", "product"),
    [
        (mock.class_product(3), "particle_neutID"),
        (mock.class_product(2), "particle_cpiID"),
        (mock.class_product(-1), "particle_neutID"),
        (np.repeat(mock.class_product(1), 2), "particle_neutID"),
    ],
)
def test_two_classes_or_an_unknown_one_are_refused(tmp_path: Path, rows: NDArray[np.void], product: str) -> None:
    with (
        _write(tmp_path / "a.h5", [mock.class_product(0), rows], product) as reader,
        pytest.raises(StoreError, match=rf"a.h5: {product} of event 1 must be one class from 0 to"),
    ):
        read_classes(reader)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["sparse2d_image"], None),
        (["sparse3d_image", "sparse3d_label"], "sparse3d_label"),
        (["sparse2d_image", "sparse3d_image"], ""),
        (["sparse2d_x"], ""),
    ],
)
def test_a_file_has_one_image_and_perhaps_a_label(tmp_path: Path, names: list[str], label: str | None) -> None:
    rng = np.random.default_rng(0)
    shape_of = {name: (4, 4, 4) if "3d" in name else (8, 8) for name in names}
    with ShardWriter(tmp_path / "a.h5") as writer:
        images = {name: [mock.image(rng, shape=shape)] for name, shape in shape_of.items()}
        writer.append(EventId(0, 0, 0), sparse=images)
    with ShardReader(tmp_path / "a.h5") as reader:
        if label == "":
            with pytest.raises(StoreError, match=rf"a.h5: needs one product .* it holds {', '.join(names)}"):
                image_and_label(reader)
        else:
            assert image_and_label(reader) == (names[0], label)


def _cluster(ids: list[int], plane: int) -> Clusters:
    image = SparseImage(np.array(ids, np.int64), np.ones(len(ids), np.float32), (6, 5), plane)
    return Clusters(image, lengths=np.array([len(ids)]), numbers=np.array([0]))


def test_the_vertex_is_the_middle_of_its_cluster_and_minus_one_where_there_is_none(tmp_path: Path) -> None:
    around_7 = [1, 2, 3, 6, 7, 8, 11, 12, 13]  # rows 0 to 2, columns 1 to 3 of 6 x 5 sites
    image = [SparseImage(np.array([4]), np.ones(1, np.float32), (6, 5), plane) for plane in (0, 1)]
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, (images, vertices) in enumerate([([], []), (image, (around_7, [])), (image, ([], [0, 1, 5, 6]))]):
            writer.append(
                EventId(0, 0, event),
                sparse={"sparse2d_image": images},
                clusters={"cluster2d_vertex": [_cluster(ids, plane) for plane, ids in enumerate(vertices)]},
            )
    with ShardReader(tmp_path / "a.h5") as reader:
        vertices_EP = read_vertices(reader, "sparse2d_image")
    assert vertices_EP is not None
    assert vertices_EP.tolist() == [[-1, -1], [7, -1], [-1, 0]]


def test_a_vertex_stays_in_its_site_when_images_are_merged(tmp_path: Path) -> None:
    middles = [(row, column) for row in range(1, 15) for column in range(1, 15)]
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, (row, column) in enumerate(middles):
            around = [(row + i) * 16 + column + j for i in (-1, 0, 1) for j in (-1, 0, 1)]
            sites = SparseImage(np.array(around), np.ones(9, np.float32), (16, 16))
            group = Clusters(sites, lengths=np.array([9]), numbers=np.array([0]))
            writer.append(
                EventId(0, 0, event),
                sparse={"sparse2d_image": [SparseImage(np.array([4]), np.ones(1, np.float32), (4, 4))]},
                clusters={"cluster2d_vertex": [downsample_clusters(group, 4)]},
            )
    with ShardReader(tmp_path / "a.h5") as reader:
        vertices_EP = read_vertices(reader, "sparse2d_image")
    assert vertices_EP is not None
    assert vertices_EP[:, 0].tolist() == [row // 4 * 4 + column // 4 for row, column in middles]


def test_a_file_without_vertices_gives_none_and_other_projections_are_refused(tmp_path: Path) -> None:
    image = [SparseImage(np.array([4]), np.ones(1, np.float32), (6, 5), plane) for plane in (0, 1)]
    for name, clusters in (("none", {}), ("one", {"cluster2d_vertex": [_cluster([3], 0)]})):
        with ShardWriter(tmp_path / f"{name}.h5") as writer:
            writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": image}, clusters=clusters)
    with ShardReader(tmp_path / "none.h5") as reader:
        assert read_vertices(reader, "sparse2d_image") is None
    with (
        ShardReader(tmp_path / "one.h5") as reader,
        pytest.raises(StoreError, match=r"one.h5: cluster2d_vertex and sparse2d_image differ in shape or projections"),
    ):
        read_vertices(reader, "sparse2d_image")
