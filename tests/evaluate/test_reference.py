"""The reference's metrics, computed on dense images of real SBND events, equal ours from the stored sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from nuweave.evaluate.baselines import VALUE_CUTS, segmentation_baselines, sum_sites
from nuweave.store import ShardReader

NUM_PLANES = 3


def dense_metrics(truth: NDArray[np.int8], found: NDArray[np.int8]) -> dict[str, float]:
    """Metrics of one dense image as CosmicTagger defines them."""
    both = [np.sum((truth == label) & (found == label)) for label in (1, 2)]
    either = [np.sum((truth == label) | (found == label)) for label in (1, 2)]
    iou = [1.0 if union == 0 else part / union for part, union in zip(both, either, strict=True)]
    return {
        "accuracy": float(np.mean(truth == found)),
        "image_cosmic_iou": iou[0],
        "image_neutrino_iou": iou[1],
        "image_mean_iou": (iou[0] + iou[1]) / 2,
        "image_nonbackground_accuracy": float(np.mean((truth == found)[truth != 0])),
    }


def test_baselines_of_real_events_equal_those_of_dense_images(shared_data: Path) -> None:
    tables = []
    images: list[tuple[NDArray[np.float32], NDArray[np.int8]]] = []
    with ShardReader(shared_data / "larcv3" / "sbnd_2events.h5") as reader:
        for event in range(len(reader)):
            values = reader.sparse("sparse2d_sbndwire", event)
            labels = reader.sparse("sparse2d_sbnd_cosmicseg", event)
            for plane, (value, label) in enumerate(zip(values, labels, strict=True)):
                charge, truth = np.zeros(np.prod(value.shape), np.float32), np.zeros(np.prod(value.shape), np.int8)
                charge[value.ids], truth[label.ids] = value.values, label.values
                images.append((charge, truth))
                key = {"run": 0, "subrun": 0, "event": event, "plane": plane}
                stored = {"site": value.ids, "value": value.values, "label": label.values.astype(int)}
                tables.append(pd.DataFrame(key | stored))
    events = pd.DataFrame({"run": 0, "subrun": 0, "event": [0, 1]})
    sums = sum_sites(pd.concat(tables), events, NUM_PLANES)
    ours, rules = segmentation_baselines(sums.value_EPTV, np.ones((1, 2)), num_pixels=2048 * 1280)
    cut = next(one for one in VALUE_CUTS if f"above {one:.3g} are" in rules["value_cut"])
    for name, threshold in (("all_background", np.inf), ("all_cosmic", 0.0), ("value_cut", cut)):
        dense = pd.DataFrame([dense_metrics(truth, (charge > threshold).astype(np.int8)) for charge, truth in images])
        for metric, value in dense.mean().items():
            assert ours[name][str(metric)].mean() == pytest.approx(value, rel=1e-9), (name, metric)
    assert ours["all_cosmic"]["accuracy"].mean() == pytest.approx(0.9956, abs=0.001)  # five events: 0.99560
