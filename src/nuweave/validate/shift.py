"""How far apart two samples of images are: a distance for each of their figures, and a classifier for their events.

Shape letters: N events of both samples, F figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from nuweave.config import UserError
from nuweave.convert.event import Images
from nuweave.convert.sources import open_source
from nuweave.validate.images import Key, figure_table

FOLDS = 5
LEAST_EVENTS = 2 * FOLDS  # of a sample, for an AUC: two in each fold
NUM_TREES, LEAF_EVENTS = 100, 3


@dataclass(frozen=True)
class Distance:
    """How far apart two samples are in one figure.

    Attributes:
        figure, plane, label: of the images, see `images.event_figures`.
        distance: Wasserstein distance in standard deviations of both samples together; 0: alike, 2: the most there is.
    """

    figure: str
    plane: int
    label: str
    distance: float


@dataclass(frozen=True)
class Shift:
    """How far apart two samples are.

    Attributes:
        a, b: names of the files.
        num_events: of each that were compared.
        auc: of a classifier that tells the samples apart by the figures of an event, on events that it was not trained
            with: 0.5 where it cannot, 1 where it always can; None where it was not trained.
        auc_error: standard error of it.
        reason: why there is no AUC.
        distances: of each figure, the largest first.
    """

    a: str
    b: str
    num_events: tuple[int, int]
    auc: float | None
    auc_error: float | None
    reason: str | None
    distances: Sequence[Distance]


def compare_files(a: Path, b: Path, *, num_events: int, seed: int) -> Shift:
    """Compare the first events of two larcv3 files with images, whatever their detector.

    Args:
        a, b: shards, packed files, or CosmicTagger's files.
        num_events: of each file, at most.
        seed: of the classifier.
    Raises:
        StoreError: a file cannot be used.
        UserError: a file has no event, or their images differ in number or in sites.
    """
    (shapes_a, figures_a), (shapes_b, figures_b) = (_read(path, num_events) for path in (a, b))
    if shapes_a != shapes_b:
        raise UserError(
            f"{b}: has images of {_describe(shapes_b)} sites, {a} of {_describe(shapes_a)}; only images of one size "
            "can be compared: convert both with the same detector and convert.downsample"
        )
    common = figures_a.columns.intersection(figures_b.columns, sort=False)  # a file without labels has fewer
    both = figures_a[common], figures_b[common]
    num = (len(figures_a), len(figures_b))
    if min(num) < LEAST_EVENTS:
        reason = f"{min(num)} events are too few to train a classifier, it takes {LEAST_EVENTS} of each sample"
        return Shift(str(a), str(b), num, None, None, reason, distances(*both))
    auc, error = two_sample_auc(*both, seed=seed)
    return Shift(str(a), str(b), num, auc, error, None, distances(*both))


def distances(a: pd.DataFrame, b: pd.DataFrame) -> list[Distance]:
    """The distance of two samples in each figure, the largest first; a figure that one of them never has is left out.

    Args:
        a, b: a row an event, the same columns (figure, plane, label) in both; NaN where an event lacks a figure.
    Source: optimal transport in one dimension, as scipy.stats.wasserstein_distance.
    """
    found = []
    for key in a.columns:
        figure, plane, label = cast(Key, key)
        one, other = (sample[key].dropna().to_numpy(np.float64) for sample in (a, b))
        if len(one) and len(other):
            # of both together, each with half of the weight: with few events beside many the distance ends at 2, too
            spread = float(np.sqrt((one.var() + other.var()) / 2 + (one.mean() - other.mean()) ** 2 / 4))
            apart = float(wasserstein_distance(one, other)) / spread if spread > 0 else 0.0
            found.append(Distance(figure, plane, label, apart))
    return sorted(found, key=lambda one: -one.distance)


def two_sample_auc(a: pd.DataFrame, b: pd.DataFrame, *, seed: int) -> tuple[float, float]:
    """How well a random forest tells events of two samples apart, by cross-validation; and the standard error.

    Args:
        a, b: a row an event, the same columns in both; NaN where an event lacks a figure, at least LEAST_EVENTS each.
        seed: of the folds and the trees.
    Source: classifier two-sample tests, Lopez-Paz and Oquab (arXiv:1610.06545).
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    figures_NF: NDArray[np.float64] = pd.concat([a, b]).to_numpy(np.float64)
    figures_NF = figures_NF[:, np.isfinite(figures_NF).any(axis=0)]
    is_b_N = np.repeat([0, 1], [len(a), len(b)])
    aucs = []
    for trained, tested in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(figures_NF, is_b_N):
        forest = RandomForestClassifier(
            NUM_TREES, min_samples_leaf=LEAF_EVENTS, class_weight="balanced", random_state=seed
        )
        forest.fit(figures_NF[trained], is_b_N[trained])
        aucs.append(float(roc_auc_score(is_b_N[tested], forest.predict_proba(figures_NF[tested])[:, 1])))
    return float(np.mean(aucs)), float(np.std(aucs, ddof=1) / np.sqrt(FOLDS))


def as_text(shift: Shift, *, num_distances: int = 15) -> str:
    """What a user reads: the AUC, and the figures that are farthest apart."""
    verdict = shift.reason if shift.auc is None else f"{shift.auc:.3f} +- {shift.auc_error:.3f}, 0.5 if they are alike"
    lines = [
        f"a: {shift.a}, {shift.num_events[0]} events",
        f"b: {shift.b}, {shift.num_events[1]} events",
        f"AUC of a classifier: {verdict}",
        "distance [standard deviations], figure, plane, sites:",
        *(
            f"  {one.distance:5.2f}  {one.figure:8}  {one.plane}  {one.label}"
            for one in shift.distances[:num_distances]
        ),
    ]
    return "\n".join(lines)


def _read(path: Path, num_events: int) -> tuple[list[tuple[int, ...]], pd.DataFrame]:
    """Sites along each axis of every image of the first event, and the figures of the first events."""
    with closing(open_source("larcv3", path)) as source:
        if len(source) == 0:
            raise UserError(f"{path}: has no event; give a file with at least one")
        contents = (source.event(entry).content for entry in range(min(len(source), num_events)))
        table = figure_table(content for content in contents if isinstance(content, Images))
        first = source.event(0).content
    return [image.shape for image in first.values] if isinstance(first, Images) else [], table


def _describe(shapes: Sequence[tuple[int, ...]]) -> str:
    return f"{len(shapes)} times {'x'.join(map(str, shapes[0]))}" if shapes else "no"
