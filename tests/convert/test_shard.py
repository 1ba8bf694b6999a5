"""Whole files: what is written, what is refused, and that nothing is left behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.config.convert import ConvertConfig
from nuweave.convert import convert_file
from nuweave.physics.detectors import get_detector
from nuweave.store import EventId, ShardReader, ShardWriter, StoreError, require_same_sites
from nuweave.store.edepsim import write_edepsim
from tests.convert.handmade import edepsim_tables, write_edepsim_file
from tests.mock import write_shard

SBND, CUBE = get_detector("sbnd"), get_detector("cube")
CUBE_SETTINGS = ConvertConfig.model_validate({"response": {"noise_adc": [1.0]}, "min_sites": 1})
CLASSES = ["particle_cpiID", "particle_cvnID", "particle_neutID", "particle_npiID", "particle_protID"]
PRODUCTS = [*CLASSES, "particle_truth"]
SITES_2D, SITES_3D = ([f"sparse{ndim}d_{name}" for name in ("image", "label", "semantic")] for ndim in (2, 3))


def class_of(reader: ShardReader, product: str, entry: int) -> list[int]:
    return [int(pdg) for pdg in reader.particles(product, entry)["pdg"]]


def test_a_shard_of_wire_images_has_every_product_and_its_truth(tmp_path: Path) -> None:
    source, shard = write_edepsim_file(tmp_path / "raw.h5", SBND), tmp_path / "shards" / "a.h5"
    manifest = convert_file(source, shard, settings=ConvertConfig(), detector=SBND, run=4)
    with ShardReader(shard) as reader:
        assert list(reader.products) == ["cluster2d_vertex", *PRODUCTS, *SITES_2D]
        assert manifest["products"] == list(reader.products)
        assert [reader.event_id(entry) for entry in range(3)] == [EventId(4, 0, number) for number in (10, 11, 12)]
        assert [image.shape for image in reader.sparse("sparse2d_image", 0)] == [(512, 320)] * 3
        for entry in range(3):
            image, label = reader.sparse("sparse2d_image", entry), reader.sparse("sparse2d_label", entry)
            require_same_sites(shard, entry, image, label)
            classes = {int(value) for one in label for value in np.unique(one.values)}
            assert classes == ({0, 1, 2} if entry < 2 else {0, 1})
        assert [class_of(reader, name, 0) for name in CLASSES] == [[0], [0], [1], [0], [1]]
        assert [class_of(reader, name, 2) for name in CLASSES] == [[]] * 5
        # the vertex lies at wire 1024 of every plane, 1.5 us late at column 544.75; its sites span 1023-1025, 544-546
        assert [group.image.coords.tolist() for group in reader.clusters("cluster2d_vertex", 0)] == [
            [[255, 136], [256, 136]]
        ] * 3
        assert [group.lengths.tolist() for group in reader.clusters("cluster2d_vertex", 2)] == [[0], [0], [0]]


def test_the_manifest_says_where_the_shard_comes_from(tmp_path: Path) -> None:
    source, shard = write_edepsim_file(tmp_path / "raw.h5", SBND), tmp_path / "a.h5"
    manifest = convert_file(source, shard, settings=ConvertConfig(), detector=SBND, run=4)
    assert json.loads((tmp_path / "a.json").read_text()) == manifest
    assert manifest["source"] == str(source)
    assert manifest["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert manifest["source_bytes"] == source.stat().st_size
    assert (manifest["adapter"], manifest["generator"], manifest["generator_seed"]) == ("edepsim_h5", "by hand", "4")
    assert (manifest["events_read"], manifest["events_written"], manifest["events_dropped"]) == (3, 3, 0)
    assert list(manifest["truth"]) == ["site_labels", "semantics", "vertex", "neutrino", "particles", "mode"]
    assert all(manifest["truth"].values())
    assert (manifest["dropped"], manifest["notes"]) == ({}, {})


def test_the_settings_hash_changes_with_the_settings(tmp_path: Path) -> None:
    source = write_edepsim_file(tmp_path / "raw.h5", CUBE, num_events=1)
    hashes = [
        convert_file(source, tmp_path / "a.h5", settings=settings, detector=CUBE, run=0)["settings_sha256"]
        for settings in (CUBE_SETTINGS, CUBE_SETTINGS, CUBE_SETTINGS.model_copy(update={"pooling": "mean"}))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_converting_twice_gives_the_same_bytes_and_another_run_other_noise(tmp_path: Path) -> None:
    source = write_edepsim_file(tmp_path / "raw.h5", SBND, num_events=1)
    for name, run in (("a", 0), ("b", 0), ("c", 1)):
        convert_file(source, tmp_path / f"{name}.h5", settings=ConvertConfig(), detector=SBND, run=run)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with ShardReader(tmp_path / "a.h5") as one, ShardReader(tmp_path / "c.h5") as other:
        assert len(one.sparse("sparse2d_image", 0)[0].ids) != len(other.sparse("sparse2d_image", 0)[0].ids)


def test_voxels_work_from_end_to_end(tmp_path: Path) -> None:
    source, shard = write_edepsim_file(tmp_path / "raw.h5", CUBE), tmp_path / "cube.h5"
    convert_file(source, shard, settings=CUBE_SETTINGS, detector=CUBE, run=0)
    with ShardReader(shard) as reader:
        assert list(reader.products) == ["cluster3d_vertex", *PRODUCTS, *SITES_3D]
        (image,), (label,) = reader.sparse("sparse3d_image", 0), reader.sparse("sparse3d_label", 0)
        assert (image.shape, image.size, image.origin) == ((64, 64, 64), (102.4, 102.4, 102.4), (-51.2, -51.2, 0.0))
        # the neutrino's muon runs along +y from the middle at x = -30 cm, the cosmic one along z at x = 20, y = 10 cm
        muon, cosmic = (image.coords[label.values == value] for value in (2, 1))
        assert set(range(32, 64)) <= set(muon[:, 1].tolist()) <= set(range(31, 64))
        assert set(muon[:, 0].tolist()) == {13}
        assert set(cosmic[:, 2].tolist()) == set(range(64))
        assert {(x, y) for x, y, _ in cosmic.tolist()} == {(44, 38)}
        assert class_of(reader, "particle_neutID", 0) == [1]
        assert reader.clusters("cluster3d_vertex", 0)[0].image.coords[:, 0].tolist() == [13, 13, 13, 13]


def test_images_of_a_larcv_file_are_passed_through_and_get_ids(shared_data: Path, tmp_path: Path) -> None:
    real = shared_data / "larcv3" / "sbnd_2events.h5"
    settings = ConvertConfig(adapter="larcv3", downsample=1)
    manifest = convert_file(real, tmp_path / "sbnd.h5", settings=settings, detector=SBND, run=2)
    with ShardReader(tmp_path / "sbnd.h5") as made, ShardReader(real) as kept:
        for entry in range(2):
            assert made.event_id(entry) == EventId(2, 0, entry)
            pairs = [("sparse2d_image", "sparse2d_sbndwire"), ("sparse2d_label", "sparse2d_sbnd_cosmicseg")]
            for ours, theirs in pairs:
                for one, other in zip(made.sparse(ours, entry), kept.sparse(theirs, entry), strict=True):
                    assert np.array_equal(one.ids, other.ids)
                    assert np.array_equal(one.values, other.values)
        assert [class_of(made, "particle_neutID", entry) for entry in range(2)] == [[1], [0]]
        assert [class_of(made, "particle_protID", entry) for entry in range(2)] == [[1], [0]]
    assert (manifest["generator"], manifest["generator_seed"]) == (None, None)


def test_truth_that_the_source_lacks_is_absent_and_flagged(tmp_path: Path) -> None:
    with ShardReader(write_shard(tmp_path / "full.h5")) as reader, ShardWriter(tmp_path / "bare.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": reader.sparse("sparse2d_image", 0)})
    settings = ConvertConfig(adapter="larcv3")
    manifest = convert_file(tmp_path / "bare.h5", tmp_path / "out.h5", settings=settings, detector=SBND, run=0)
    with ShardReader(tmp_path / "out.h5") as reader:
        assert reader.products == ("sparse2d_image",)
    assert not any(manifest["truth"].values())


def test_a_source_without_the_mode_gives_all_classes_but_that_of_the_interaction(tmp_path: Path) -> None:
    tables = edepsim_tables(CUBE)
    names = [name for name in tables.mc_hdr.dtype.names or () if name != "isQES"]
    with h5py.File(write_edepsim_file(tmp_path / "raw.h5", CUBE), "a") as file:
        del file["mc_hdr"]
        file["mc_hdr"] = tables.mc_hdr[names]
    manifest = convert_file(tmp_path / "raw.h5", tmp_path / "a.h5", settings=CUBE_SETTINGS, detector=CUBE, run=0)
    assert manifest["truth"] == {
        "site_labels": True,
        "semantics": True,
        "vertex": True,
        "neutrino": True,
        "particles": True,
        "mode": False,
    }
    with ShardReader(tmp_path / "a.h5") as reader:
        assert "particle_cvnID" not in reader.products
        assert class_of(reader, "particle_neutID", 0) == [1]


def test_events_with_few_sites_are_dropped_and_counted(tmp_path: Path) -> None:
    with ShardReader(write_shard(tmp_path / "full.h5")) as reader, ShardWriter(tmp_path / "mixed.h5") as writer:
        for number, planes in enumerate((3, 1, 2)):
            images = reader.sparse("sparse2d_image", number)[:planes]
            writer.append(EventId(0, 0, number), sparse={"sparse2d_image": images})
    settings = ConvertConfig(adapter="larcv3", downsample=1, min_sites=80)  # 40 sites a plane
    manifest = convert_file(tmp_path / "mixed.h5", tmp_path / "out.h5", settings=settings, detector=SBND, run=0)
    assert (manifest["events_read"], manifest["events_written"], manifest["events_dropped"]) == (3, 2, 1)
    assert manifest["dropped"] == {"few_sites": 1}
    with ShardReader(tmp_path / "out.h5") as reader:
        assert [reader.event_id(entry).event for entry in range(2)] == [0, 2]


def test_an_event_without_deposits_in_the_detector_is_dropped_though_noise_has_sites(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND)
    tables.segments["z_start"][tables.segments["event_id"] == 12] += 1000
    tables.segments["z_end"][tables.segments["event_id"] == 12] += 1000
    num = int((tables.segments["event_id"] == 12).sum())
    write_edepsim(tmp_path / "raw.h5", tables)
    manifest = convert_file(tmp_path / "raw.h5", tmp_path / "a.h5", settings=ConvertConfig(), detector=SBND, run=0)
    assert (manifest["events_written"], manifest["dropped"]) == (2, {"no_deposits": 1})
    assert manifest["notes"] == {"outside": num}


def test_a_file_in_mm_is_refused_with_the_question(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND)
    for name in [f"{axis}_{end}" for axis in "xyz" for end in ("start", "end")]:
        tables.segments[name] *= 10
    write_edepsim(tmp_path / "raw.h5", tables)
    with pytest.raises(StoreError, match=r"raw.h5: \d+ % of its energy lies outside of .*: mm or cm\?") as caught:
        convert_file(tmp_path / "raw.h5", tmp_path / "out" / "a.h5", settings=ConvertConfig(), detector=SBND, run=0)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_axes_and_shift_bring_a_file_into_the_detector(tmp_path: Path) -> None:
    write_edepsim_file(tmp_path / "straight.h5", CUBE)
    tables = edepsim_tables(CUBE)
    for table, names in (
        (tables.segments, ["{}_start", "{}_end"]),
        (tables.vertices, ["{}_vert"]),
        (tables.mc_hdr, ["{}_vert"]),
    ):
        for name in names:
            x, z = name.format("x"), name.format("z")
            table[x], table[z] = table[z] - 100, table[x].copy()
    write_edepsim(tmp_path / "turned.h5", tables)
    settings = CUBE_SETTINGS.model_copy(update={"axes": "zyx", "shift_cm": (0.0, 0.0, 100.0)})
    for name, one in (("straight", CUBE_SETTINGS), ("turned", settings)):
        convert_file(tmp_path / f"{name}.h5", tmp_path / f"{name}_out.h5", settings=one, detector=CUBE, run=0)
    with ShardReader(tmp_path / "straight_out.h5") as straight, ShardReader(tmp_path / "turned_out.h5") as turned:
        for entry in range(3):
            for product in ("sparse3d_image", "sparse3d_semantic"):
                pair = (reader.sparse(product, entry)[0] for reader in (straight, turned))
                assert len({tuple(image.ids.tolist()) for image in pair}) == 1
        vertex = turned.particles("particle_truth", 0)["vtx"][0]
        assert [float(vertex[axis]) for axis in "xyz"] == pytest.approx([-30, 0, 51.2], abs=1e-4)


def test_a_file_of_deposits_alone_becomes_images_alone(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "edepsim_h5" / "test_inputs.h5"
    settings = CUBE_SETTINGS.model_copy(update={"shift_cm": (0.0, 20.0, 51.2)})
    manifest = convert_file(source, tmp_path / "a.h5", settings=settings, detector=CUBE, run=0)
    assert not any(manifest["truth"].values())
    assert (manifest["events_read"], manifest["events_written"]) == (10, 10)
    assert (manifest["notes"]["dx_is_not_length"], manifest["products"]) == (1728, ["sparse3d_image"])


def test_a_root_file_without_hits_is_refused(shared_data: Path, tmp_path: Path) -> None:
    settings = ConvertConfig(adapter="edepsim_root")
    with pytest.raises(StoreError, match=r"none of its 10 events has convert.min_sites=50 .*\(no deposits: 10\)"):
        convert_file(
            shared_data / "edepsim_root" / "test.root",
            tmp_path / "out" / "a.h5",
            settings=settings,
            detector=SBND,
            run=0,
        )


def test_a_root_file_of_muons_becomes_a_shard_with_the_truth_it_has(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "edepsim_root" / "test3.root"
    settings = CUBE_SETTINGS.model_copy(update={"adapter": "edepsim_root", "volume": "drift", "shift_cm": (0, 0, 75.0)})
    manifest = convert_file(source, tmp_path / "a.h5", settings=settings, detector=CUBE, run=0)
    assert (manifest["events_read"], manifest["events_written"], manifest["notes"]) == (25, 25, {"outside": 2})
    assert manifest["generator"] == "gps:fixed@free-fixed"
    assert [name for name, known in manifest["truth"].items() if known] == ["semantics", "vertex"]
    with ShardReader(tmp_path / "a.h5") as reader:
        assert reader.products == ("cluster3d_vertex", "sparse3d_image", "sparse3d_semantic")
        (group,) = reader.clusters("cluster3d_vertex", 0)
        assert group.image.coords.mean(axis=0) * 1.6 + [-50.4, -50.4, 0.8] == pytest.approx([0, 0, 25], abs=1.0)


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Files that cannot be converted."""
    paths = {name: folder / f"{name}.h5" for name in ("missing", "empty", "text", "truncated")}
    paths["empty"].touch()
    paths["text"].write_text("not HDF5")
    whole = write_edepsim_file(folder / "whole.h5", CUBE).read_bytes()
    paths["truncated"].write_bytes(whole[: len(whole) // 2])
    return paths


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "no such file"),
        ("empty", "is empty"),
        ("text", "is not an HDF5 file"),
        ("truncated", "is truncated"),
    ],
)
@pytest.mark.parametrize("adapter", ["edepsim_h5", "larcv3"])
def test_a_bad_input_gives_one_line_and_leaves_nothing(tmp_path: Path, name: str, message: str, adapter: str) -> None:
    source = bad_inputs(tmp_path)[name]
    settings = ConvertConfig.model_validate({"adapter": adapter})
    with pytest.raises(StoreError, match=rf"{name}.h5: .*{message}") as caught:
        convert_file(source, tmp_path / "out" / "a.h5", settings=settings, detector=SBND, run=0)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").glob("*")) == []


def test_a_file_with_no_event_that_passes_gives_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    source = write_edepsim_file(tmp_path / "raw.h5", CUBE)
    settings = CUBE_SETTINGS.model_copy(update={"min_sites": 10**6})
    with pytest.raises(StoreError, match=r"raw.h5: none of its 3 events has convert.min_sites=1000000") as caught:
        convert_file(source, tmp_path / "out" / "a.h5", settings=settings, detector=CUBE, run=0)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_settings_that_do_not_fit_leave_nothing(tmp_path: Path) -> None:
    source = write_edepsim_file(tmp_path / "raw.h5", CUBE)
    with pytest.raises(ValueError, match="detector cube has 1 planes"):
        convert_file(source, tmp_path / "out" / "a.h5", settings=ConvertConfig(), detector=CUBE, run=0)
    assert list((tmp_path / "out").iterdir()) == []
