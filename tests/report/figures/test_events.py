"""Panels of the event displays."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nuweave.report.figures.events import charge_display, segmentation_display, views_of_event

WIRES = [("wire", "time"), ("z", "x"), ("z", "y")]


def sites(plane: list[int], site: list[int], label: list[int]) -> pd.DataFrame:
    table = pd.DataFrame({"plane": plane, "site": site, "value": 2.0, "label": label})
    return table.assign(prob0=0.1, prob1=0.2, prob2=0.7)


def test_a_plane_is_a_view_with_the_names_of_its_axes() -> None:
    views = views_of_event(sites([0, 1], [13, 25], [1, 2]), (4, 10), WIRES)
    assert [view.title for view in views] == ["plane 0", "plane 1"]
    assert views[0].sites[["h", "v"]].to_numpy().tolist() == [[1, 3]]  # 13 = 1 * 10 + 3
    assert views[1].sites["predicted"].tolist() == [2]
    assert views[0].extent == (0, 4, 0, 10)
    assert [view.names for view in views] == [("wire", "time"), ("z", "x")]


def test_voxels_are_seen_from_three_sides() -> None:
    site = int(np.ravel_multi_index((1, 2, 3), (4, 5, 6)))
    views = views_of_event(sites([0], [site], [2]), (4, 5, 6), ["xyz"])
    assert [view.names for view in views] == [("z", "y"), ("z", "x"), ("x", "y")]
    assert [view.sites[["h", "v"]].to_numpy().tolist()[0] for view in views] == [[3, 2], [3, 1], [1, 2]]


def test_closer_look_holds_the_neutrino_and_stays_in_the_image() -> None:
    table = sites([0] * 3, [50 * 100 + 10, 60 * 100 + 20, 90 * 100 + 90], [2, 2, 1])
    (view,) = views_of_event(table, (100, 100), WIRES, around=2)
    left, right, bottom, top = view.extent
    assert 40 < left < 50
    assert 60 < right < 70
    assert 0 <= bottom < 10
    assert 20 < top < 30


def test_truth_is_left_out_where_there_is_none() -> None:
    known = segmentation_display(views_of_event(sites([0, 1], [1, 2], [0, 1]), (4, 4), WIRES))
    unknown = segmentation_display(views_of_event(sites([0, 1], [1, 2], [-1, -1]), (4, 4), WIRES))
    titles = [axis.get_title(loc="left") or axis.get_title() for axis in unknown.axes]
    assert len([axis for axis in known.axes if axis.get_label() != "<colorbar>"]) == 6
    assert "truth" not in titles
    plt.close("all")


def test_event_without_sites_is_drawn_empty() -> None:
    figure = charge_display(views_of_event(sites([0], [1], [0]).iloc[:0], (4, 4), WIRES))
    assert len(figure.axes) == 1
    plt.close("all")


def test_vertices_stand_in_the_views_of_their_planes() -> None:
    nan = float("nan")
    points = {
        "true vertex": np.array([[1.0, 2.0], [nan, nan], [3.0, 1.0]]),
        "found vertex": np.array([[1.5, 2.5], [0.0, 1.0], [3.0, 2.0]]),
    }
    views = views_of_event(sites([0, 1], [1, 2], [0, 1]), (4, 4), WIRES, points=points)
    assert [view.points for view in views] == [
        {"true vertex": (1, 2), "found vertex": (1.5, 2.5)},
        {"found vertex": (0, 1)},
        {"true vertex": (3, 1), "found vertex": (3, 2)},
    ]
    for figure in (charge_display(views), segmentation_display(views)):
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        assert names[-2:] == ["true vertex", "found vertex"]
    plt.close("all")


def test_vertices_of_voxels_are_seen_from_three_sides() -> None:
    views = views_of_event(
        sites([0], [0], [2]), (4, 5, 6), ["xyz"], points={"found vertex": np.array([[1.0, 2.0, 3.0]])}
    )
    assert [view.points["found vertex"] for view in views] == [(3, 2), (3, 1), (1, 2)]
