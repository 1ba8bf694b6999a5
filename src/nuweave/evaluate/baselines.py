"""Trivial baselines: what a physicist gets without a network. Those fitted to the test part itself are optimistic.

Shapes: E events, P planes, T true classes, K predicted classes, V bins of the value (cuts that it passes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from nuweave.catalog.table import KEY
from nuweave.evaluate.estimate import weighted_sum
from nuweave.evaluate.roc import NUM_SCORE_BINS, area, roc_curve, score_bins
from nuweave.evaluate.segmentation import segmentation_metrics
from nuweave.tasks.ratios import Floats, ratio
from nuweave.tasks.site_metrics import NUM_CLASSES, PRIMARY

VALUE_CUTS = tuple(float(2 ** (step / 2)) for step in range(-8, 25))  # 1/16 to 4096 in the unit of the stored value
MIN_LEAF_EVENTS = 10  # fewer events would let the tree learn the test part by heart


@dataclass(frozen=True)
class SiteSums:
    """What the baselines and the ROC curve need of the sites, an event at a time.

    Attributes:
        value_EPTV: int32, sites of each truth by how many of VALUE_CUTS their value is above.
        score_ENK: int32, sites by bin of the neutrino score; N is 0 for the rest, 1 for the neutrino.
        num_sites_E: stored sites of all planes.
        sum_value_E: their summed value.
        brightest_EP: int64, the site with the largest value; -1 where none is stored.
    """

    value_EPTV: NDArray[np.int32]
    score_ENK: NDArray[np.int32]
    num_sites_E: NDArray[np.int64]
    sum_value_E: Floats
    brightest_EP: NDArray[np.int64]


def sum_sites(sites: pd.DataFrame, events: pd.DataFrame, num_planes: int) -> SiteSums:
    """Reduce a table of sites to one row an event.

    Args:
        sites: run, subrun, event, plane, site, value, label (-1 unknown) and, of a segmentation, prob2.
        events: the events in order, by their run, subrun, event.
        num_planes: planes of an event.
    """
    event = pd.MultiIndex.from_frame(events[KEY]).get_indexer(pd.MultiIndex.from_frame(sites[KEY]))
    value = sites["value"].to_numpy(np.float64)
    label = sites["label"].to_numpy(np.int64)
    image = event * num_planes + sites["plane"].to_numpy(np.int64)
    brightest = np.full(len(events) * num_planes, -1)
    ascending = np.argsort(value, kind="stable")
    brightest[image[ascending]] = sites["site"].to_numpy(np.int64)[ascending]  # the last that is written stays
    known = label >= 0
    cuts_passed = np.searchsorted(VALUE_CUTS, value[known], side="left")  # value > cut for that many cuts
    num_bins = len(VALUE_CUTS) + 1
    values = _histogram([image[known], label[known], cuts_passed], (len(events) * num_planes, NUM_CLASSES, num_bins))
    score = np.zeros((len(events), 2, NUM_SCORE_BINS), np.int32)
    if "prob2" in sites:
        bins = score_bins(sites["prob2"].to_numpy(np.float64)[known])
        score = _histogram([event[known], (label[known] == 2).astype(np.int64), bins], score.shape)
    return SiteSums(
        value_EPTV=values.reshape(len(events), num_planes, NUM_CLASSES, num_bins),
        score_ENK=score,
        num_sites_E=np.bincount(event, minlength=len(events)),
        sum_value_E=np.bincount(event, weights=value, minlength=len(events)).astype(np.float64),
        brightest_EP=brightest.reshape(len(events), num_planes),
    )


def join_sums(parts: list[SiteSums]) -> SiteSums:
    """The sums of all batches, one after the other."""
    names = ("value_EPTV", "score_ENK", "num_sites_E", "sum_value_E", "brightest_EP")
    return SiteSums(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _histogram(axes: list[NDArray[np.int64]], shape: tuple[int, ...]) -> NDArray[np.int32]:
    flat = np.ravel_multi_index(tuple(axes), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.int32)


def segmentation_baselines(
    value_EPTV: NDArray[np.int32], weights_SE: Floats, num_pixels: int | None
) -> tuple[dict[str, dict[str, Floats]], dict[str, str]]:
    """Metrics of the rules that need no network, over the same sites.

    Returns:
        baseline -> metric -> float64[S, P], and baseline -> what it does.
    """
    true_EPT = value_EPTV.sum(axis=-1)
    rules = {"all_background": 0, "all_cosmic": 1, "all_neutrino": 2}
    metrics = {
        name: segmentation_metrics(_constant(true_EPT, label), weights_SE, num_pixels) for name, label in rules.items()
    }
    cut_counts = [_above_is_cosmic(value_EPTV, cut) for cut in range(len(VALUE_CUTS))]
    data_only = weights_SE[:1]
    best = int(np.argmax([segmentation_metrics(one, data_only, num_pixels)[PRIMARY].mean() for one in cut_counts]))
    metrics["value_cut"] = segmentation_metrics(cut_counts[best], weights_SE, num_pixels)
    return metrics, {
        "all_background": "every pixel is background",
        "all_cosmic": "every stored site is cosmic",
        "all_neutrino": "every stored site is neutrino",
        "value_cut": f"sites with a value above {VALUE_CUTS[best]:.3g} are cosmic, the rest background; the cut is the "
        f"best of {len(VALUE_CUTS)} on the test part itself, so this baseline is optimistic",
    }


def neutrino_auc_baselines(value_EPTV: NDArray[np.int32], weights_SE: Floats) -> dict[str, Floats]:
    """float64[S] each: a random score, and the value of the site as the score (in whichever direction is better)."""
    values = weighted_sum(weights_SE, value_EPTV.sum(axis=1))
    by_value = area(*roc_curve(values[:, 2], values[:, :2].sum(axis=1)))
    return {
        "random": np.full(len(weights_SE), 0.5),
        "value": by_value if not by_value[0] < 0.5 else 1 - by_value,
    }


def class_baselines(
    truth_E: NDArray[np.int64], num_classes: int, num_sites_E: NDArray[np.int64], sum_value_E: Floats
) -> dict[str, Floats]:
    """Probabilities, float64[E, K] each, that need no network; both are fitted to the test part itself."""
    known = truth_E >= 0
    shares = ratio(np.bincount(truth_E[known], minlength=num_classes), known.sum())
    features = np.stack([num_sites_E, sum_value_E], axis=1).astype(np.float64)
    tree = DecisionTreeClassifier(max_depth=2, min_samples_leaf=MIN_LEAF_EVENTS, random_state=0).fit(
        features[known], truth_E[known]
    )
    by_tree = np.zeros((len(truth_E), num_classes))
    by_tree[:, tree.classes_] = tree.predict_proba(features)
    return {"majority_class": np.broadcast_to(shares, (len(truth_E), num_classes)).copy(), "charge_tree": by_tree}


CLASS_BASELINES = {
    "majority_class": "every event is of the most frequent class of the test part (its probabilities are the shares)",
    "charge_tree": "a decision tree of depth 2 on the number of sites and their summed value, with at least "
    f"{MIN_LEAF_EVENTS} events a leaf, fitted to the test part itself, so this baseline is optimistic",
}


def _constant(true_EPT: NDArray[np.int64], label: int) -> NDArray[np.int64]:
    counts = np.zeros((*true_EPT.shape, NUM_CLASSES), np.int64)
    counts[..., label] = true_EPT
    return counts


def _above_is_cosmic(value_EPTV: NDArray[np.int32], cut: int) -> NDArray[np.int64]:
    """int64[E, P, T, K], sites that pass more than `cut` cuts are called cosmic, the rest background."""
    counts = np.zeros((*value_EPTV.shape[:-1], NUM_CLASSES), np.int64)
    counts[..., 0] = value_EPTV[..., : cut + 1].sum(axis=-1)
    counts[..., 1] = value_EPTV[..., cut + 1 :].sum(axis=-1)
    return counts
