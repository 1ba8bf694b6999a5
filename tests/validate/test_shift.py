"""Distances and the two-sample test on samples whose difference is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nuweave.config import UserError
from nuweave.store import EventId, ShardWriter
from nuweave.validate.images import KEYS
from nuweave.validate.shift import Distance, as_text, compare_files, distances, two_sample_auc
from tests import mock


def table(**columns: list[float]) -> pd.DataFrame:
    keys = [(name, 0, "all") for name in columns]
    return pd.DataFrame(
        dict(zip(keys, columns.values(), strict=True)), columns=pd.MultiIndex.from_tuples(keys, names=KEYS)
    )


def sample(num: int, *, shift: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return table(sites=(rng.normal(size=num) + shift).tolist(), charge=rng.normal(size=num).tolist())


def unlabelled(path: Path) -> Path:
    """Twelve events without labels."""
    rng = np.random.default_rng(9)
    with ShardWriter(path) as writer:
        for event in range(12):
            images = [mock.image(rng, projection=plane) for plane in range(mock.NUM_PLANES)]
            writer.append(EventId(9, 0, event), sparse={"sparse2d_image": images})
    return path


def test_distance_is_the_way_that_events_must_move_in_standard_deviations_of_all() -> None:
    found = distances(table(sites=[0, 0], charge=[1, 3]), table(sites=[2, 2], charge=[3, 1]))
    assert found == [Distance("sites", 0, "all", 2.0), Distance("charge", 0, "all", 0.0)]


def test_few_events_beside_many_are_not_farther_than_two() -> None:
    assert distances(table(sites=[0.0] * 50), table(sites=[3.0])) == [Distance("sites", 0, "all", 2.0)]


def test_what_an_event_lacks_does_not_count_and_what_a_sample_lacks_has_no_distance() -> None:
    nan = float("nan")
    found = distances(table(sites=[0, nan, 0], charge=[nan, nan, nan]), table(sites=[0, 0, 0], charge=[1, 1, 1]))
    assert found == [Distance("sites", 0, "all", 0.0)]


def test_samples_of_one_source_cannot_be_told_apart() -> None:
    auc, error = two_sample_auc(sample(150, shift=0, seed=1), sample(150, shift=0, seed=2), seed=1)
    assert auc == pytest.approx(0.5, abs=0.1)
    assert 0 < error < 0.1


def test_auc_of_shifted_normal_samples_is_near_the_best_there_is() -> None:
    """Two unit normal distributions that lie 2 apart: the AUC of the best classifier is 0.921."""
    auc, _ = two_sample_auc(sample(150, shift=0, seed=1), sample(150, shift=2, seed=2), seed=1)
    assert 0.85 < auc < 0.95


def test_files_with_events_alike_have_a_small_shift_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    a, b = (mock.write_shard(tmp_path / f"{seed}.h5", seed=seed, num_events=30) for seed in (1, 2))
    one = compare_files(a, b, num_events=20, seed=3)
    assert (one.num_events, one.reason) == ((20, 20), None)
    assert one.auc == pytest.approx(0.5, abs=0.35)
    assert one == compare_files(a, b, num_events=20, seed=3)
    assert [row.distance for row in one.distances] == sorted([row.distance for row in one.distances], reverse=True)
    assert f"AUC of a classifier: {one.auc:.3f}" in as_text(one)


def test_files_that_differ_say_in_which_figures(tmp_path: Path) -> None:
    a = mock.write_shard(tmp_path / "a.h5", seed=1, num_events=12)
    b = mock.write_shard(tmp_path / "b.h5", seed=2, num_events=12, num_sites=80)
    found = compare_files(a, b, num_events=500, seed=1)
    assert found.auc == 1.0
    assert {(row.figure, row.label) for row in found.distances[:3]} == {("sites", "all")}
    assert [row.distance for row in found.distances[:3]] == pytest.approx([2.0] * 3)


def test_few_events_have_distances_but_no_auc(tmp_path: Path) -> None:
    a, b = (mock.write_shard(tmp_path / f"{num}.h5", num_events=num) for num in (2, 12))
    found = compare_files(a, b, num_events=500, seed=1)
    assert (found.auc, found.auc_error, found.num_events) == (None, None, (2, 12))
    assert found.reason == "2 events are too few to train a classifier, it takes 10 of each sample"
    assert len(found.distances) == 3 * 24
    assert found.reason in as_text(found)


def test_a_sample_without_labels_is_compared_by_all_sites(tmp_path: Path) -> None:
    a, b = mock.write_shard(tmp_path / "a.h5", num_events=12), unlabelled(tmp_path / "b.h5")
    for found in (compare_files(a, b, num_events=12, seed=1), compare_files(b, a, num_events=12, seed=1)):
        assert {row.label for row in found.distances} == {"all"}
        assert found.auc is not None


def test_images_of_different_sizes_are_refused(tmp_path: Path) -> None:
    a, b = (mock.write_shard(tmp_path / f"{rows}.h5", shape=(rows, 24)) for rows in (32, 16))
    with pytest.raises(UserError, match=r"16.h5: has images of 3 times 16x24 sites, .*32.h5 of 3 times 32x24; only"):
        compare_files(a, b, num_events=5, seed=1)


def test_a_file_without_events_is_refused(tmp_path: Path) -> None:
    a, b = (mock.write_shard(tmp_path / f"{num}.h5", num_events=num) for num in (2, 0))
    with pytest.raises(UserError, match=r"0.h5: "):
        compare_files(a, b, num_events=5, seed=1)


def test_the_real_events_can_be_compared_with_themselves(shared_data: Path) -> None:
    file = shared_data / "larcv3/sbnd_2events.h5"
    found = compare_files(file, file, num_events=500, seed=1)
    assert found.auc is None
    assert {row.distance for row in found.distances} == {0.0}
