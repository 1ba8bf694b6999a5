"""Trivial baselines by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from nuweave.evaluate.baselines import (
    VALUE_CUTS,
    class_baselines,
    join_sums,
    neutrino_auc_baselines,
    segmentation_baselines,
    sum_sites,
)

EVENTS = pd.DataFrame({"run": [0, 0], "subrun": [0, 0], "event": [7, 3]})


def sites() -> pd.DataFrame:
    """Event 7: noise of 1 and 2, cosmic 20 and 30, neutrino 3; event 3 has no site."""
    return pd.DataFrame(
        {
            "run": 0,
            "subrun": 0,
            "event": 7,
            "plane": [0, 0, 0, 0, 0],
            "site": [3, 5, 8, 9, 12],
            "value": [1.5, 2.5, 20.0, 30.0, 3.5],
            "label": [0, 0, 1, 1, 2],
            "prob2": [0.0, 0.1, 0.2, 0.3, 1.0],
        }
    )


def test_sums_follow_the_order_of_the_events() -> None:
    sums = sum_sites(sites(), EVENTS.iloc[::-1], num_planes=2)
    assert sums.num_sites_E.tolist() == [0, 5]
    assert sums.sum_value_E.tolist() == [0, 57.5]
    assert sums.value_EPTV.sum(axis=-1).tolist() == [[[0, 0, 0], [0, 0, 0]], [[2, 2, 1], [0, 0, 0]]]
    assert sums.score_ENK[1, 1].nonzero()[0].tolist() == [255]


def test_the_brightest_site_of_each_plane_is_found_wherever_it_stands() -> None:
    table = sites().assign(plane=[0, 0, 0, 1, 1], value=[1.5, 20.0, 2.5, 3.5, 30.0])
    for order in ([0, 1, 2, 3, 4], [4, 1, 3, 0, 2]):
        sums = sum_sites(table.iloc[order], EVENTS.iloc[::-1], num_planes=3)
        assert sums.brightest_EP.tolist() == [[-1, -1, -1], [5, 12, -1]]


def test_a_value_on_a_cut_does_not_pass_it() -> None:
    cut = VALUE_CUTS.index(4.0)
    sums = sum_sites(sites().assign(value=4.0), EVENTS, num_planes=1)
    assert sums.value_EPTV[0, 0, :, cut].tolist() == [2, 2, 1]  # above the cuts 0 .. cut - 1


def test_unlabelled_sites_count_in_the_sums_only() -> None:
    sums = sum_sites(sites().assign(label=-1), EVENTS, num_planes=1)
    assert sums.num_sites_E.tolist() == [5, 0]
    assert sums.value_EPTV.sum() == 0


def test_batches_join_in_order() -> None:
    one = sum_sites(sites(), EVENTS.iloc[:1], num_planes=1)
    two = sum_sites(sites().iloc[:0], EVENTS.iloc[1:], num_planes=1)
    assert join_sums([one, two]).num_sites_E.tolist() == [5, 0]


def test_segmentation_baselines_by_hand() -> None:
    sums = sum_sites(sites(), EVENTS.iloc[:1], num_planes=1)
    metrics, rules = segmentation_baselines(sums.value_EPTV, np.ones((1, 1)), num_pixels=100)
    found = {name: table["cosmic_iou"][0, 0] for name, table in metrics.items()}
    assert found == {"all_background": 0, "all_cosmic": 2 / 5, "all_neutrino": 0, "value_cut": 1}
    assert metrics["all_background"]["accuracy"][0, 0] == 0.97
    assert metrics["all_neutrino"]["neutrino_iou"][0, 0] == 1 / 5
    assert metrics["value_cut"]["mean_iou"][0, 0] == 0.5
    assert "4 are cosmic" in rules["value_cut"]  # the first of the cuts that part 3.5 and 20


def test_auc_of_the_value_is_taken_in_the_better_direction() -> None:
    sums = sum_sites(sites(), EVENTS.iloc[:1], num_planes=1)
    found = neutrino_auc_baselines(sums.value_EPTV, np.ones((1, 1)))
    exact = roc_auc_score(sites()["label"] == 2, -sites()["value"])
    assert found["random"].tolist() == [0.5]
    assert found["value"][0] == pytest.approx(max(exact, 1 - exact))


def test_majority_class_and_tree_by_hand() -> None:
    truth = np.repeat([0, 1, -1], [30, 10, 1])
    found = class_baselines(truth, 3, np.repeat([2, 9, 9], [30, 10, 1]), np.zeros(41))
    assert found["majority_class"][0].tolist() == [0.75, 0.25, 0]
    assert found["charge_tree"].argmax(axis=1).tolist() == [0] * 30 + [1] * 11
    assert found["charge_tree"].sum(axis=1).tolist() == [1] * 41


def test_a_few_events_are_too_few_for_the_tree_to_learn_by_heart() -> None:
    found = class_baselines(np.array([0, 1]), 2, np.array([1, 9]), np.zeros(2))
    assert found["charge_tree"].tolist() == found["majority_class"].tolist() == [[0.5, 0.5]] * 2
