"""A row an event, equal to what the shards hold; contradictions are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nuweave.catalog import build_catalog, read, write
from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage, StoreError
from tests import mock

NULLABLE = {"neutrino": "Int8", "interaction": "Int8", "nu_pdg": "Int32", "num_cosmic": "Int64"}


def test_rows_are_what_the_shards_hold(tmp_path: Path) -> None:
    shards = mock.write_shards(tmp_path, 2, num_events=4)
    catalog = build_catalog(shards)
    assert catalog["shard"].tolist() == [str(shards[0])] * 4 + [str(shards[1])] * 4
    assert catalog["entry"].tolist() == [0, 1, 2, 3] * 2
    assert catalog["run"].tolist() == [0] * 4 + [1] * 4
    assert catalog["source"].unique().tolist() == ["0.raw", "1.raw"]
    assert catalog["generator_seed"].unique().tolist() == ["7/0", "7/1"]
    assert catalog["neutrino"].tolist() == [0, 1, 2, 0] * 2
    assert catalog["nu_pdg"].tolist() == [12, 14, 14, 12] * 2
    assert catalog["charged_pions"].tolist() == [0, 1, 0, 1] * 2
    assert catalog["interaction"].tolist() == [4, 0, 12, 4] * 2
    assert set(catalog["nu_energy_gev"]) == {0.8}
    assert catalog[["vertex_x_cm", "vertex_y_cm", "vertex_z_cm"]].to_numpy()[0].tolist() == [10, -20, 250]
    assert catalog[["num_sites_0", "num_sites_1", "num_sites_2"]].to_numpy()[0].tolist() == [40, 40, 40]
    label_counts = catalog[["num_background", "num_cosmic", "num_neutrino"]].to_numpy().tolist()
    for shard, entry, counts in zip(catalog["shard"], catalog["entry"], label_counts, strict=True):
        with ShardReader(Path(shard)) as reader:
            values = np.concatenate([one.values for one in reader.sparse("sparse2d_label", entry)])
        assert counts == [int((values == label).sum()) for label in range(3)]


def test_charge_is_summed_over_all_sites_and_over_those_of_the_neutrino(tmp_path: Path) -> None:
    catalog = build_catalog(mock.write_shards(tmp_path, 1, num_events=2))
    with ShardReader(tmp_path / "0.h5") as reader:
        values, labels = (
            np.concatenate([one.values.astype(float) for one in reader.sparse(f"sparse2d_{name}", 1)])
            for name in ("image", "label")
        )
    assert catalog["charge"][1] == pytest.approx(values.sum())
    assert catalog["charge_neutrino"][1] == pytest.approx(values[labels == 2].sum())


def test_images_have_one_hash_exactly_if_sites_values_and_projections_are_the_same(tmp_path: Path) -> None:
    ones = np.ones(2, np.float32)
    images = [
        SparseImage(np.array([1, 2]), ones, (4, 4)),
        SparseImage(np.array([1, 3]), ones, (4, 4)),
        SparseImage(np.array([1, 2]), 2 * ones, (4, 4)),
        SparseImage(np.array([1, 2]), ones, (4, 4)),
    ]
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, one in enumerate([*images, images[0]]):
            other = SparseImage(np.array([7])[: int(event < 4)], ones[: int(event < 4)], (4, 4), 1)
            writer.append(EventId(0, 0, event), sparse={"sparse2d_image": [one, other]})
        nothing = [SparseImage(np.array([], np.int64), ones[:0], (4, 4), plane) for plane in (0, 1)]
        writer.append(EventId(0, 0, 5), sparse={"sparse2d_image": nothing})
    mock.write_manifest(tmp_path / "a.h5", source="a.raw")
    hashes = build_catalog([tmp_path / "a.h5"])["image_hash"]
    assert hashes[0] == hashes[3]
    assert hashes[:5].nunique() == 4
    assert hashes.isna().tolist() == [False] * 5 + [True]


def test_what_a_source_cannot_give_is_missing_never_zero(tmp_path: Path) -> None:
    images = [mock.image(np.random.default_rng(0))]
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": images})
    mock.write_manifest(tmp_path / "a.h5", source="a.raw")
    catalog = build_catalog([tmp_path / "a.h5"])
    assert {name: str(catalog[name].dtype) for name in NULLABLE} == NULLABLE
    lacking = ["neutrino", "interaction", "nu_pdg", "nu_energy_gev", "vertex_x_cm", "num_background", "generator_seed"]
    lacking.append("charge_neutrino")
    assert catalog[lacking].isna().all(axis=None)
    with_labels = mock.write_shard(tmp_path / "b.h5", num_events=1, run=1, num_planes=1)
    mock.write_manifest(with_labels, source="b.raw")
    assert build_catalog([tmp_path / "a.h5", with_labels])["neutrino"].isna().tolist() == [True, False]


def test_parquet_round_trip_keeps_values_and_types(tmp_path: Path) -> None:
    catalog = build_catalog(mock.write_shards(tmp_path, 2))
    write(catalog, tmp_path / "out" / "catalog.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "out" / "catalog.parquet"), catalog)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["catalog.parquet"]


def test_missing_and_foreign_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"a.parquet: no such file"):
        read(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("hello")
    with pytest.raises(StoreError, match=r"b.parquet: is not a parquet table"):
        read(tmp_path / "b.parquet")


def test_a_key_that_two_shards_hold_is_refused_with_both_names(tmp_path: Path) -> None:
    shards = mock.write_shards(tmp_path, 2)
    again = mock.write_shard(tmp_path / "again.h5", run=1)
    mock.write_manifest(again, source="again.raw")
    with pytest.raises(StoreError, match=r"1.h5 \(entry 0\) and .*again.h5 \(entry 0\) both hold .* = \(1, 0, 0\)"):
        build_catalog([*shards, again])


def _write_labels(path: Path, ids: list[int], value: float) -> None:
    image = SparseImage(np.array([1, 2]), np.ones(2, np.float32), (4, 4))
    label = SparseImage(np.array(ids), np.full(len(ids), value, np.float32), (4, 4))
    with ShardWriter(path) as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": [image], "sparse2d_label": [label]})
    mock.write_manifest(path, source="a.raw")


def test_labels_that_disagree_with_the_image_or_are_no_label_are_refused(tmp_path: Path) -> None:
    _write_labels(tmp_path / "a.h5", [1, 3], 0)
    with pytest.raises(StoreError, match=r"a.h5: event 0, projection 0: image .* disagree"):
        build_catalog([tmp_path / "a.h5"])
    _write_labels(tmp_path / "b.h5", [1, 2], 3)
    with pytest.raises(StoreError, match=r"b.h5: event 0: sparse2d_label must be 0, 1 or 2"):
        build_catalog([tmp_path / "b.h5"])


def test_a_manifest_must_be_there_and_name_the_source(tmp_path: Path) -> None:
    shard = mock.write_shard(tmp_path / "a.h5")
    with pytest.raises(StoreError, match=r"a.json: cannot be read .*convert the source of .*a.h5 again"):
        build_catalog([shard])
    for text in ("{", "{}", "[]"):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(StoreError, match=r"a.json: is not a manifest with `source`"):
            build_catalog([shard])


def test_shards_of_different_detectors_and_no_shards_are_refused(tmp_path: Path) -> None:
    shards = mock.write_shards(tmp_path, 1)
    other = mock.write_shard(tmp_path / "other.h5", run=9, num_planes=2)
    mock.write_manifest(other, source="other.raw")
    with pytest.raises(StoreError, match=r"other.h5: has other planes than .*0.h5"):
        build_catalog([*shards, other])
    with pytest.raises(StoreError, match="no shards"):
        build_catalog([])
