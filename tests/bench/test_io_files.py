"""Replicated events are like their source, and all forms of the files hold the same."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.bench.io_files import IMAGE, LABEL, make_files, make_large, replicate
from nuweave.store import ShardReader, StoreError
from tests import mock


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Seven events made of two."""
    source = mock.write_shard(tmp_path / "source.h5", num_events=2)
    replicate(source, tmp_path / "events.h5", num_events=7, seed=3)
    return tmp_path / "events.h5"


def test_a_replicated_event_has_as_many_sites_and_the_same_labels_elsewhere(tmp_path: Path, events: Path) -> None:
    with ShardReader(tmp_path / "source.h5") as source, ShardReader(events) as made:
        assert len(made) == 7
        num_moved = 0
        for event in range(7):
            for old, new, label in zip(
                source.sparse(LABEL, event % 2), made.sparse(IMAGE, event), made.sparse(LABEL, event), strict=True
            ):
                assert np.array_equal(new.ids, label.ids)
                num_moved += not np.array_equal(new.ids, old.ids)
                assert np.array_equal(np.sort(label.values), np.sort(old.values))
                assert np.all(np.diff(new.ids) > 0)
        assert num_moved >= 20  # of 21 images; one may come to lie where it lay


def test_replicating_is_repeatable(tmp_path: Path, events: Path) -> None:
    replicate(tmp_path / "source.h5", tmp_path / "again.h5", num_events=7, seed=3)
    with ShardReader(events) as one, ShardReader(tmp_path / "again.h5") as other:
        for event in range(7):
            for product in (IMAGE, LABEL):
                assert np.array_equal(one.event_rows(product, event), other.event_rows(product, event))


def test_a_source_in_three_dimensions_is_refused(tmp_path: Path) -> None:
    source = mock.write_shard(tmp_path / "source.h5", num_events=2, shape=(8, 8, 8), num_planes=1)
    with pytest.raises(StoreError, match=r"source\.h5: has no 2D images"):
        replicate(source, tmp_path / "events.h5", num_events=2, seed=3)


def test_all_forms_hold_the_same(tmp_path: Path, events: Path) -> None:
    files = make_files(events, tmp_path, with_larcv=False, dense_events=np.array([1, 4]))
    assert files.larcv is None
    with ShardReader(events) as made, ShardReader(files.repacked) as one, ShardReader(files.archive) as other:
        assert (one.product(IMAGE).layout.way, other.product(IMAGE).layout.way) == ("mapped", "inflated")
        for event in range(7):
            for product in (IMAGE, LABEL):
                for reader in (one, other):
                    for old, new in zip(made.sparse(product, event), reader.sparse(product, event), strict=True):
                        assert np.array_equal(old.ids, new.ids)
                        assert np.array_equal(old.values, new.values)
        with h5py.File(files.dense) as dense:
            for row, event in enumerate((1, 4)):
                for plane, image in enumerate(made.sparse(IMAGE, event)):
                    assert np.array_equal(np.flatnonzero(dense[IMAGE][row, plane]), image.ids)


def test_a_large_file_repeats_the_events_until_it_is_large(tmp_path: Path, events: Path) -> None:
    files = make_files(events, tmp_path, with_larcv=False, dense_events=np.array([0]))
    size = files.repacked.stat().st_size
    make_large(files.repacked, tmp_path / "large.h5", num_bytes=2 * size + 1)
    with ShardReader(tmp_path / "large.h5") as large:
        assert len(large) == 21
