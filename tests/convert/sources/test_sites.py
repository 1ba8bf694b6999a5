"""Images from lists of sites, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.convert.sources.sites import dominant_label, number_sites, padded_shape, sum_image, vertex_cluster


def test_entries_of_one_site_are_added_up_and_sites_ascend() -> None:
    ids, of = number_sites(np.array([[1, 2], [0, 1], [1, 2]]), (2, 3))
    assert ids.tolist() == [1, 5]
    assert of.tolist() == [1, 0, 1]
    image = sum_image(ids, of, np.array([1.0, 2.0, 4.0]), (2, 3), 7)
    assert image.values.tolist() == [2, 5]
    assert (image.shape, image.projection) == ((2, 3), 7)


def test_an_entry_outside_is_named() -> None:
    with pytest.raises(ValueError, match=r"2 entries lie outside the image of 2 x 3, the first at \[1, 3\]"):
        number_sites(np.array([[0, 0], [1, 3], [-1, 0]]), (2, 3))


def test_the_label_is_that_of_most_weight_and_none_without_weight() -> None:
    of, label = np.array([0, 0, 0, 1, 2]), np.array([3, 1, 1, 2, 0])
    labels = dominant_label(of, np.array([5.0, 3.0, 3.0, 1.0, 0.0]), label, num_sites=4, none=9)
    assert labels.tolist() == [1, 2, 9, 9]
    nothing = np.zeros(0, np.int64)
    assert dominant_label(nothing, np.zeros(0), nothing, num_sites=1, none=9).tolist() == [9]


def test_images_that_differ_get_one_shape_that_64_divides() -> None:
    assert padded_shape((1969, 2701), (1443, 2701)) == (1984, 2752)
    assert padded_shape((64, 1)) == (64, 64)


def test_a_vertex_has_nine_sites_around_it_fewer_at_the_edge_and_none_outside() -> None:
    assert vertex_cluster(np.array([1.9, 1.0]), (4, 4), 0).image.ids.tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert vertex_cluster(np.array([0.0, 0.0]), (4, 4), 0).image.ids.tolist() == [0, 1, 4, 5]
    outside = vertex_cluster(np.array([-0.5, 1.0]), (4, 4), 2)
    assert (len(outside.image.ids), outside.lengths.tolist(), outside.image.projection) == (0, [0], 2)
