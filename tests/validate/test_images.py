"""Figures of hand-made images, and of the real ones."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nuweave.convert.event import Images
from nuweave.convert.sources import open_source
from nuweave.store import SparseImage
from nuweave.validate import images
from nuweave.validate.images import event_figures, figure_table, neighbours, num_clusters


def sparse(dense: ArrayLike, mask: NDArray[np.bool_] | None = None) -> SparseImage:
    """The sites of a dense image that are not 0 (or in the mask)."""
    image = np.asarray(dense, np.float32)
    ids = np.flatnonzero(image != 0 if mask is None else mask)
    return SparseImage(ids, image.ravel()[ids], image.shape)


def clusters(dense: NDArray[np.float64]) -> int:
    one = sparse(dense)
    return num_clusters(neighbours(one.ids, one.shape), np.ones(len(one.ids), bool))


def test_figures_of_a_plane_by_label() -> None:
    dense = np.zeros((4, 8))
    dense[0, :5] = [1, 2, 3, 4, 5]
    dense[2, 0] = 10
    labels = np.zeros((4, 8))
    labels[0, :5] = 1
    figures = event_figures([sparse(dense)], [sparse(labels, dense != 0)])
    assert {label: figures["sites", 0, label] for label in ("all", "background", "cosmic", "neutrino")} == {
        "all": 6, "background": 1, "cosmic": 5, "neutrino": 0,
    }  # fmt: skip
    assert (figures["charge", 0, "cosmic"], figures["charge", 0, "all"]) == (15, 25)
    assert [figures[name, 0, "cosmic"] for name in ("value_05", "value_50", "value_95")] == pytest.approx([1.2, 3, 4.8])
    assert figures["value_50", 0, "background"] == 10
    assert np.isnan(figures["value_50", 0, "neutrino"])
    assert [figures["clusters", 0, label] for label in ("all", "labelled", "cosmic", "neutrino")] == [0, 0, 0, 0]
    assert ("clusters", 0, "background") not in figures


def test_without_labels_there_are_figures_of_all_sites_only() -> None:
    one = sparse(np.ones((2, 2)))
    assert {label for _, _, label in event_figures([one, one], None)} == {"all"}
    assert {plane for _, plane, _ in event_figures([one, one], None)} == {0, 1}


def test_a_cluster_has_more_than_a_hundred_sites_and_hangs_together_at_corners_too() -> None:
    dense = np.zeros((300, 400))
    dense[np.arange(101), np.arange(101)] = 1  # a diagonal
    dense[200, 100:200] = 1  # a hundred in a row
    assert clusters(dense) == 1
    dense[201, 200] = 1
    assert clusters(dense) == 2


def test_sites_at_the_end_of_a_row_do_not_touch_those_at_the_beginning_of_the_next() -> None:
    dense = np.zeros((60, 4))
    dense[:51, 0] = 1
    dense[:50, 3] = 1  # together 101 sites, whose numbers are next to each other
    assert clusters(dense) == 0


@pytest.mark.parametrize("shape", [(40, 50), (12, 13, 14)])
def test_clusters_are_those_of_scipys_dense_labelling(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "CLUSTER_SITES", 5)
    rng = np.random.default_rng(1)
    for density in (0.05, 0.1, 0.2):
        dense = (rng.random(shape) < density).astype(float)
        marked, _ = ndimage.label(dense, structure=np.ones((3,) * len(shape)))
        assert clusters(dense) == np.sum(np.bincount(marked.ravel())[1:] > 5)


def test_clusters_of_a_label_are_made_of_its_sites_alone() -> None:
    dense = np.ones((2, 120))
    labels = np.ones((2, 120))
    labels[:, 60:] = 2
    figures = event_figures([sparse(dense)], [sparse(labels)])
    assert [figures["clusters", 0, label] for label in ("labelled", "cosmic", "neutrino")] == [1, 1, 1]


def test_an_image_without_sites_has_no_values() -> None:
    figures = event_figures([sparse(np.zeros((3, 3)))], None)
    assert (figures["sites", 0, "all"], figures["charge", 0, "all"], figures["clusters", 0, "all"]) == (0, 0, 0)
    assert np.isnan(figures["value_50", 0, "all"])


def test_a_sample_is_a_table_with_a_row_an_event() -> None:
    events = [Images([sparse(np.full((2, 2), value))], None, None, None) for value in (1.0, 3.0)]
    table = figure_table(events)
    assert list(table.columns.names) == ["figure", "plane", "label"]
    assert table["charge", 0, "all"].tolist() == [4, 12]


def test_figures_of_the_real_events(shared_data: Path) -> None:
    with closing(open_source("larcv3", shared_data / "larcv3/sbnd_2events.h5")) as source:
        contents = [source.event(entry).content for entry in range(len(source))]
    table = figure_table(content for content in contents if isinstance(content, Images))
    planes = range(3)
    assert [table["sites", plane, "cosmic"].tolist() for plane in planes] == [[9890, 8988], [9376, 6365], [8671, 5912]]
    assert [table["sites", plane, "neutrino"].tolist() for plane in planes] == [[375, 912], [305, 1846], [360, 1915]]
    assert [table["clusters", plane, "labelled"].tolist() for plane in planes] == [[8, 10], [7, 13], [10, 10]]
    assert table["value_50", 2, "cosmic"].tolist() == pytest.approx([40.4, 66.0], abs=0.05)
