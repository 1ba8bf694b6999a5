"""What is equal has no difference; what is not is named with product, event and column. No larcv is needed here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nuweave.crosscheck import Content, Difference, compare, read_content
from nuweave.store import ShardReader
from tests.mock import write_shard

PATH = Path("shard.h5")


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """3 events of 3 images of 40 voxels, with 3 clusters of 1 voxel and 3 particles each."""
    with ShardReader(write_shard(tmp_path / "shard.h5", num_events=3)) as reader:
        return read_content(reader)


def changed(content: Content, column: str, row: int) -> Content:
    """A copy in which the lowest bit of one row is another."""
    rows = content[column].copy()
    rows[row : row + 1].view(np.uint8)[..., 0] ^= 1
    return {**content, column: rows}


def test_the_content_has_a_row_for_all_that_the_file_holds(content: Content) -> None:
    assert content["event_id"].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    assert content["sparse2d_image/num_images"].tolist() == [3, 3, 3]
    assert content["sparse2d_image/shape"].tolist() == [[32, 24]] * 9
    assert content["sparse2d_image/num_voxels"].tolist() == [40] * 9
    assert len(content["sparse2d_image/value"]) == 360
    assert content["cluster2d_vertex/id"].tolist() == [5] * 9
    assert content["particle_truth/num_particles"].tolist() == [3, 3, 3]
    assert content["particle_truth/vtx"][0].tolist() == [10.0, -20.0, 250.0, 0.0]


def test_a_content_equals_itself(content: Content) -> None:
    assert list(compare(PATH, content, {name: rows.copy() for name, rows in content.items()})) == []


@pytest.mark.parametrize(
    ("column", "row", "event"),
    [
        ("sparse2d_image/projection", 4, 1),
        ("sparse2d_image/shape", 4, 1),
        ("sparse2d_image/size", 4, 1),
        ("sparse2d_image/origin", 8, 2),
        ("sparse2d_image/id", 119, 0),
        ("sparse2d_image/value", 120, 1),
        ("sparse2d_label/value", 359, 2),
        ("cluster2d_vertex/number", 3, 1),
        ("cluster2d_vertex/value", 2, 0),
        ("particle_truth/pdg", 5, 1),
        ("particle_truth/process", 6, 2),
        ("particle_truth/ancestor_vtx", 8, 2),
    ],
)
def test_one_bit_is_one_difference(content: Content, column: str, row: int, event: int) -> None:
    found = list(compare(PATH, content, changed(content, column, row)))
    product, name = column.split("/")
    assert [(one.path, one.product, one.event) for one in found] == [(PATH, product, event)]
    assert found[0].what.startswith(f"{name} of 1 of ")


def test_a_difference_tells_both_values(content: Content) -> None:
    (found,) = compare(PATH, content, changed(content, "particle_truth/pdg", 4))
    assert str(found) == "shard.h5: particle_truth, event 1: pdg of 1 of 3 differs, first 13 here, 12 by larcv"


@pytest.mark.parametrize(("one", "other", "num"), [(0.0, -0.0, 1), (np.nan, np.nan, 0)])
def test_bits_are_compared_and_not_values(content: Content, one: float, other: float, num: int) -> None:
    with_one, with_other = (content["sparse2d_image/value"].copy() for _ in range(2))
    with_one[7], with_other[7] = one, other
    ours, theirs = ({**content, "sparse2d_image/value": values} for values in (with_one, with_other))
    assert len(list(compare(PATH, ours, theirs))) == num


def test_a_lost_voxel_is_a_count_that_differs_and_the_rest_of_the_product_is_left(content: Content) -> None:
    counts = content["sparse2d_image/num_voxels"].copy()
    counts[5] -= 1
    fewer = {
        **content,
        "sparse2d_image/num_voxels": counts,
        "sparse2d_image/id": np.delete(content["sparse2d_image/id"], 239),
        "sparse2d_image/value": np.delete(content["sparse2d_image/value"], 239),
    }
    assert list(compare(PATH, content, fewer)) == [
        Difference(PATH, "sparse2d_image", 1, "num_voxels of 1 of 3 differs, first 40 here, 39 by larcv")
    ]


def test_a_product_that_only_one_side_finds_is_named(content: Content) -> None:
    fewer = {name: rows for name, rows in content.items() if not name.startswith("sparse2d_label")}
    assert [str(one) for one in compare(PATH, content, fewer)] == ["shard.h5: sparse2d_label: only we can find it"]
    assert [str(one) for one in compare(PATH, fewer, content)] == ["shard.h5: sparse2d_label: only larcv can find it"]


def test_a_lost_event_and_another_key_are_named(content: Content) -> None:
    fewer = {**content, "event_id": content["event_id"][:2]}
    assert [str(one) for one in compare(PATH, content, fewer)] == ["shard.h5: 3 events here, 2 by larcv"]
    other = {**content, "event_id": content["event_id"] + np.array([[0], [0], [4]])}
    assert [str(one) for one in compare(PATH, content, other)] == [
        "shard.h5: event 2: event_id of 1 of 1 differs, first [0, 0, 2] here, [4, 4, 6] by larcv"
    ]


def test_another_dtype_is_a_difference(content: Content) -> None:
    wider = {**content, "particle_truth/pdg": content["particle_truth/pdg"].astype(np.int64)}
    assert [one.what for one in compare(PATH, content, wider)] == ["pdg is int32[9] here, int64[9] by larcv"]
