"""The PILArNet adapter on files made by hand, of both versions."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.convert.event import Images, Provides
from nuweave.convert.sources import find_adapter, open_source
from nuweave.convert.sources.pilarnet import split_clusters
from nuweave.store import StoreError

# x, y, z, value; the third is the same voxel as the first
POINTS: list[tuple[float, ...]] = [(1, 2, 3, 0.5), (0, 0, 767, 0.25), (1, 2, 3, 0.75), (767, 0, 0, 2.0)]


def write_file(path: Path, num_columns: int, *, points: list[tuple[float, ...]] = POINTS, semantic: int = 2) -> Path:
    """An event: a point of low energy, a track of two points, a Michel electron of one. And an empty event."""
    clusters = np.full((3, num_columns), -1, np.float32)
    clusters[:, 0], clusters[:, 4] = [1, 2, 1], [4, 1, semantic]
    rows = np.zeros((len(points), 8), np.float32)
    rows[:, :4] = points
    kind = h5py.vlen_dtype(np.float32)
    with h5py.File(path, "w") as file:
        for name, flat in (("point", rows.ravel()), ("cluster", clusters.ravel())):
            table = file.create_dataset(name, (2,), dtype=kind)
            table[0], table[1] = flat, flat[:0]
    return path


@pytest.mark.parametrize("num_columns", [5, 6])
def test_voxels_and_their_semantic_types_come_as_stored(tmp_path: Path, num_columns: int) -> None:
    path = write_file(tmp_path / "hand.h5", num_columns)
    assert find_adapter(path) == "pilarnet"
    source = open_source("pilarnet", path)
    content = source.event(0).content
    assert isinstance(content, Images)
    (image,) = content.values
    assert image.shape == (768, 768, 768)
    assert image.coords.tolist() == [[0, 0, 767], [1, 2, 3], [767, 0, 0]]
    assert image.values.tolist() == [0.25, 1.25, 2.0]
    assert content.semantics is not None
    assert content.semantics[0].values.tolist() == [1, 1, 2]  # 0.75 of the track outweighs 0.5 of low energy
    assert np.array_equal(content.semantics[0].ids, image.ids)
    assert (content.labels, content.vertex, source.event(0).particles) == (None, None, None)
    assert source.provides == Provides(site_labels=False, semantics=True, vertex=False, particles=False, mode=False)


def test_an_event_without_points_is_an_empty_image(tmp_path: Path) -> None:
    source = open_source("pilarnet", write_file(tmp_path / "hand.h5", 6))
    event = source.event(1)
    assert isinstance(event.content, Images)
    assert (len(source), event.number, len(event.content.values[0].ids)) == (2, 1, 0)


def test_the_version_is_the_one_whose_points_add_up() -> None:
    five = np.array([1, -1, -1, -1, 4] + [2, 0, 0, 0, 1] * 5)  # 30 numbers: also five rows of six
    assert split_clusters(five, num_points=11).shape == (6, 5)
    assert split_clusters(np.array([3, 0, 0, 0, 1, 2] * 5), num_points=15).shape == (5, 6)


@pytest.mark.parametrize(
    ("points", "semantic", "what"),
    [
        (POINTS[:3], 2, "clusters of 5 or 6 columns do not add up to 3 points"),
        ([*POINTS[:3], (768, 0, 0, 1.0)], 2, r"1 entries lie outside the image of 768 x 768 x 768"),
        (POINTS, 5, "semantic type 5 is none of 0 to 4"),
    ],
)
def test_content_that_does_not_fit_is_refused(
    tmp_path: Path, points: list[tuple[float, ...]], semantic: int, what: str
) -> None:
    source = open_source("pilarnet", write_file(tmp_path / "odd.h5", 6, points=points, semantic=semantic))
    with pytest.raises(StoreError, match=rf"odd.h5: entry 0 cannot be read \({what}") as caught:
        source.event(0)
    assert "\n" not in str(caught.value)


def test_a_file_without_clusters_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file["point"] = np.zeros(3)
    with pytest.raises(StoreError, match=r"bare.h5: has no cluster; set convert.adapter"):
        open_source("pilarnet", tmp_path / "bare.h5")
