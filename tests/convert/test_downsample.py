"""Merging of sites on images of four by four."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.convert.downsample import (
    Pooling,
    downsample,
    downsample_clusters,
    downsample_labels,
    downsample_semantics,
    downsample_values,
    merge_sites,
)
from nuweave.convert.event import Images
from nuweave.physics.truth import SemanticLabel
from nuweave.store import Clusters, SparseImage

# 1 2 . .      the four blocks of the image hold 1 + 2 + 3 = 6, nothing, 4 + 5 = 9 and 6
# 3 . . .
# . . 6 .
# 4 5 . .
IMAGE = SparseImage(
    ids=np.array([0, 1, 4, 10, 12, 13]),
    values=np.array([1, 2, 3, 6, 4, 5], np.float32),
    shape=(4, 4),
    projection=2,
    size=(1.2, 1.6),
    origin=(-1.0, 5.0),
)


def merged_values(image: SparseImage, factor: int, pooling: Pooling) -> SparseImage:
    return downsample_values(image, merge_sites(image, factor), factor, pooling)


def test_values_are_summed_or_averaged_over_all_merged_sites() -> None:
    merged = merged_values(IMAGE, 2, "sum")
    assert merged.ids.tolist() == [0, 2, 3]
    assert merged.values.tolist() == [6, 9, 6]
    assert merged_values(IMAGE, 2, "mean").values.tolist() == [6 / 4, 9 / 4, 6 / 4]


def test_size_origin_and_projection_are_kept() -> None:
    merged = merged_values(IMAGE, 2, "sum")
    assert (merged.shape, merged.size, merged.origin, merged.projection) == ((2, 2), (1.2, 1.6), (-1.0, 5.0), 2)
    bare = SparseImage(IMAGE.ids, IMAGE.values, (4, 4))
    assert merged_values(bare, 2, "sum").size == (4.0, 4.0)


def test_neutrino_wins_over_cosmic_over_background() -> None:
    label = SparseImage(IMAGE.ids, np.array([0, 1, 0, 0, 2, 1], np.float32), (4, 4))
    assert downsample_labels(label, merge_sites(label, 2), 2).values.tolist() == [1, 2, 0]


def test_the_semantic_label_is_that_of_the_largest_value_that_has_one() -> None:
    # blocks by site: 0, 1, 4 | 12, 13 | 10; site 4 is largest but has no label, 12 and 13 are alike, 10 has none
    shower, track, michel, none = (SemanticLabel[name] for name in ("SHOWER", "TRACK", "MICHEL", "NONE"))
    value = SparseImage(IMAGE.ids, np.array([1, 2, 3, 6, 5, 5], np.float32), (4, 4), projection=2)
    semantic = SparseImage(IMAGE.ids, np.array([shower, track, none, none, michel, shower], np.float32), (4, 4), 2)
    merged = downsample_semantics(semantic, value, merge_sites(value, 2), 2)
    assert merged.ids.tolist() == [0, 2, 3]
    assert merged.values.tolist() == [track, michel, none]
    assert (merged.shape, merged.projection) == ((2, 2), 2)


def test_all_that_is_known_of_an_image_is_merged_to_the_same_sites() -> None:
    labels = SparseImage(IMAGE.ids, np.array([0, 1, 0, 0, 2, 1], np.float32), (4, 4))
    merged = downsample(Images([IMAGE], [labels], [labels], None), 2, "sum")
    assert merged.labels is not None
    assert merged.semantics is not None
    for images in (merged.values, merged.labels, merged.semantics):
        assert images[0].ids.tolist() == [0, 2, 3]
    assert merged.labels[0].values.tolist() == [1, 2, 0]


def test_clusters_are_mapped_and_the_value_counts_what_was_merged() -> None:
    ids = np.array([0, 1, 4, 5, 10, 5, 6])
    group = Clusters(
        SparseImage(ids, np.ones(7, np.float32), (4, 4)), lengths=np.array([5, 2]), numbers=np.array([3, 8])
    )
    merged = downsample_clusters(group, 2)
    assert merged.image.ids.tolist() == [0, 3, 0, 1]
    assert merged.image.values.tolist() == [4, 1, 1, 1]
    assert merged.lengths.tolist() == [2, 2]
    assert merged.numbers.tolist() == [3, 8]
    assert merged.image.shape == (2, 2)


def test_images_without_a_cluster_stay_without() -> None:
    none = Clusters(
        SparseImage(np.zeros(0, np.int64), np.zeros(0, np.float32), (4, 4)), np.zeros(0, int), np.zeros(0, int)
    )
    assert len(downsample_clusters(none, 2).lengths) == 0


@pytest.mark.parametrize("shape", [(64, 32), (16, 8, 32)])
@pytest.mark.parametrize("factor", [2, 8])
def test_the_sum_is_preserved_and_equals_that_of_dense_blocks(shape: tuple[int, ...], factor: int) -> None:
    rng = np.random.default_rng(1)
    ids = np.sort(rng.choice(int(np.prod(shape)), 200, replace=False)).astype(np.int64)
    image = SparseImage(ids, rng.uniform(0, 9, 200).astype(np.float32), shape)
    dense = np.zeros(shape, np.float32)
    dense.flat[ids] = image.values
    blocks = dense.reshape([size for num in shape for size in (num // factor, factor)])
    expected = blocks.sum(axis=tuple(range(1, 2 * len(shape), 2)))
    merged = merged_values(image, factor, "sum")
    assert expected.flat[merged.ids] == pytest.approx(merged.values, rel=1e-5)
    assert float(merged.values.sum()) == pytest.approx(float(image.values.sum()), rel=1e-5)


def test_factor_one_changes_nothing() -> None:
    images = Images([IMAGE], [IMAGE], None, None)
    assert downsample(images, 1, "sum") is images


def test_absent_truth_stays_absent() -> None:
    merged = downsample(Images([IMAGE], None, None, None), 2, "sum")
    assert (merged.labels, merged.semantics, merged.vertex) == (None, None, None)


def test_an_image_that_does_not_divide_is_refused_with_a_factor_that_does() -> None:
    image = SparseImage(np.zeros(0, np.int64), np.zeros(0, np.float32), (2048, 1284))
    with pytest.raises(ValueError, match=r"convert.downsample=8 must divide the image of \[2048, 1284\] sites; try 4"):
        merged_values(image, 8, "sum")
