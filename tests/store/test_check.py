"""Each kind of fault is found, and nothing else; one fault does not hide the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nuweave.store import EventId, ShardReader, ShardWriter, SparseImage, sums_path
from nuweave.store.check import check_file, describe
from nuweave.store.repack import every_event, repack
from nuweave.store.schema import EXTENTS, ID_EXTENTS, box, image_meta
from tests import mock
from tests.store import samples

Told = list[tuple[str | None, int | None, str]]


def told(path: Path, *, num_classes: int = 3) -> Told:
    """Product, event and what of every fault; each fault names the file and a remedy."""
    faults = list(check_file(path, num_classes=num_classes))
    assert all(fault.path == path and fault.remedy and "\n" not in str(fault) for fault in faults)
    return [(fault.product, fault.event, fault.what) for fault in faults]


def change(path: Path, product: str, field: str, rows: dict[int, float]) -> None:
    """Give some voxels of a product another id or value."""
    with h5py.File(path, "r+") as file:
        voxels = file[f"Data/{product}_group/voxels"]
        content = voxels[:]
        for row, value in rows.items():
            content[field][row] = value
        voxels[:] = content


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Six events of 3 projections with 40 sites each: event 1 begins at voxel 120."""
    return mock.write_shard(tmp_path / "a.h5")


def test_a_right_file_has_no_fault(tmp_path: Path, shard: Path, shared_data: Path) -> None:
    assert told(shard) == []
    assert describe(shard) == "6 events, 9 products, 1458 voxels, checksums none"
    repack([shard], every_event([shard]), tmp_path / "packed.h5", layout="archive")
    assert told(tmp_path / "packed.h5") == []
    assert describe(tmp_path / "packed.h5") == "6 events, 9 products, 1458 voxels, checksums verified"
    (tmp_path / "sbnd.h5").write_bytes((shared_data / "larcv3" / "sbnd_2events.h5").read_bytes())
    assert told(tmp_path / "sbnd.h5") == []


@pytest.mark.parametrize("name", samples.SETTINGS)
def test_every_way_to_store_is_read(tmp_path: Path, name: str) -> None:
    source = samples.write(tmp_path / "source.h5")
    assert told(samples.rewrite(source, tmp_path / "a.h5", columns=samples.SETTINGS[name])) == []


def test_planes_without_sites_and_events_without_planes_are_right(tmp_path: Path) -> None:
    empty = SparseImage(np.empty(0, np.int64), np.empty(0, np.float32), (4, 4))
    with ShardWriter(tmp_path / "a.h5") as writer:
        for event, images in enumerate([[], [empty], []]):
            writer.append(EventId(0, 0, event), sparse={"sparse2d_image": images, "sparse2d_label": images})
    assert told(tmp_path / "a.h5") == []


@pytest.mark.parametrize("settings", [{}, {"libver": "v110"}, {"libver": "latest"}, {"userblock_size": 1024}])
def test_the_stored_end_is_compared_with_the_size(tmp_path: Path, shard: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "b.h5"
    with h5py.File(shard) as source, h5py.File(path, "w", **settings) as file:
        for name in ("Events", "Data"):
            source.copy(name, file)
    assert told(path) == []
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert told(path) == [
        (None, None, f"is truncated: it ends at byte {len(whole) - 100}, was written up to byte {len(whole)}")
    ]
    path.write_bytes(whole + b"12345")
    assert told(path) == [(None, None, f"has 5 bytes after its end at byte {len(whole)}")]


def test_a_file_that_cannot_be_opened_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("hello; world")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["segments"] = np.arange(3)
    for name, reason in {
        "none.h5": "no such file",
        "empty.h5": "is empty (0 bytes)",
        "text.h5": "is not an HDF5 file",
        "foreign.h5": "is HDF5 but not larcv3: Events/event_id and Data are needed, found segments",
    }.items():
        assert told(tmp_path / name) == [(None, None, reason)]


def test_tables_that_are_wrong_do_not_hide_the_rows_of_other_products(shard: Path) -> None:
    with h5py.File(shard, "r+") as file:
        for table in ("sparse2d_label_group/extents", "particle_neutID_group/particles"):
            file[f"Data/{table}"].resize((5,))
    change(shard, "sparse2d_image", "value", {130: np.inf})
    assert told(shard) == [
        ("particle_neutID", None, "extents counts 6 rows of particles, 5 are stored"),
        ("sparse2d_label", None, "has 5 events, Events/event_id has 6"),
        ("sparse2d_image", 1, "a value is not finite"),
    ]


def test_a_damaged_chunk_is_named_with_every_event_in_it(tmp_path: Path) -> None:
    path = samples.rewrite(mock.write_shard(tmp_path / "source.h5"), tmp_path / "a.h5", columns=samples.DEFLATED)
    with ShardReader(path) as reader:
        low, size, _ = reader.product("sparse2d_image").layout.chunks[:, 7]  # voxels 112 to 127
    damaged = bytearray(path.read_bytes())
    damaged[low + size // 2 : low + size // 2 + 8] = bytes(8)
    path.write_bytes(damaged)
    found = told(path)
    assert [(product, event) for product, event, _ in found] == [("sparse2d_image", 0), ("sparse2d_image", 1)]
    assert all("chunk 7 is not 256 bytes of rows, or its checksum is wrong" in what for _, _, what in found)


def test_a_filter_that_is_not_installed_is_named(shard: Path) -> None:
    zstd = 32015
    with h5py.File(shard, "r+") as file:
        group = file["Data/sparse2d_image_group"]
        rows = group["voxels"][:]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((100,))
        properties.set_filter(zstd, h5py.h5z.FLAG_OPTIONAL)
        del group["voxels"]
        space, kind = h5py.h5s.create_simple(rows.shape), h5py.h5t.py_create(rows.dtype)
        h5py.h5d.create(group.id, b"voxels", kind, space, properties).write(h5py.h5s.ALL, h5py.h5s.ALL, rows)
    what = f"voxels: is stored with the HDF5 filters [{zstd}], which are not installed"
    assert told(shard) == [("sparse2d_image", None, what)]


@pytest.mark.parametrize(
    ("product", "field", "rows", "event", "what"),
    [
        ("sparse2d_other", "id", {130: 0}, 1, "site ids of a projection do not ascend"),
        ("sparse2d_other", "id", {159: 32 * 24}, 1, "a site id lies outside the image"),
        ("cluster2d_vertex", "id", {17: 32 * 24}, 5, "a site id lies outside the image"),
        ("cluster2d_vertex", "value", {17: np.nan}, 5, "a value is not finite"),
        ("sparse2d_image", "value", {719: -np.inf}, 5, "a value is not finite"),
        ("sparse2d_label", "value", {360: 3}, 3, "a label is no class from 0 to 2"),
        ("sparse2d_label", "value", {360: -1}, 3, "a label is no class from 0 to 2"),
        ("sparse2d_label", "value", {360: 0.5}, 3, "a label is no class from 0 to 2"),
        ("sparse2d_cosmic_seg", "value", {0: 3}, 0, "a label is no class from 0 to 2"),
        ("sparse2d_semantic", "value", {0: 6}, 0, "a label is no class from 0 to 5"),
    ],
)
def test_a_wrong_row_is_named_with_its_event(
    shard: Path, product: str, field: str, rows: dict[int, float], event: int, what: str
) -> None:
    with h5py.File(shard, "r+") as file:
        file.copy("Data/sparse2d_image_group", "Data/sparse2d_other_group")
        for name in ("cosmic_seg", "semantic"):
            file.copy("Data/sparse2d_label_group", f"Data/sparse2d_{name}_group")
    change(shard, product, field, rows)
    assert told(shard) == [(product, event, what)]


def test_ids_may_begin_anew_in_each_projection_and_repeat_in_none(tmp_path: Path) -> None:
    images = [SparseImage(np.array([3]), np.ones(1, np.float32), (4, 4), plane) for plane in range(3)]
    pair = SparseImage(np.array([1, 2]), np.ones(2, np.float32), (4, 4))
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_x": images})
        writer.append(EventId(0, 0, 1), sparse={"sparse2d_x": [pair]})
    assert told(tmp_path / "a.h5") == []
    change(tmp_path / "a.h5", "sparse2d_x", "id", {4: 1})
    assert told(tmp_path / "a.h5") == [("sparse2d_x", 1, "site ids of a projection do not ascend")]


def test_labels_are_classes_of_the_given_number(shard: Path) -> None:
    change(shard, "sparse2d_label", "value", {0: 4})
    assert told(shard, num_classes=5) == []
    assert told(shard, num_classes=4) == [("sparse2d_label", 0, "a label is no class from 0 to 3")]


def test_image_and_label_must_have_the_same_sites(tmp_path: Path) -> None:
    sites, others = ((np.array([5, n]), np.ones(2, np.float32), (4, 4)) for n in (7, 8))
    pairs = [
        ([SparseImage(*sites)], [SparseImage(*sites)]),
        ([SparseImage(*sites)], [SparseImage(*others)]),
        ([SparseImage(*sites)], [SparseImage(*sites, projection=1)]),
        ([SparseImage(*sites)], []),
    ]
    what = "image and label have different sites"
    for name in ("sparse2d_label", "sparse2d_semantic"):
        with ShardWriter(tmp_path / "a.h5") as writer:
            for event, (image, label) in enumerate(pairs):
                writer.append(EventId(0, 0, event), sparse={"sparse2d_image": image, name: label})
        assert told(tmp_path / "a.h5") == [(name, event, what) for event in (1, 2, 3)]


def test_pixels_and_boxes_must_be_finite(shard: Path) -> None:
    with h5py.File(shard, "r+") as file:
        for product, level, column in (
            ("image2d_dense", "image_extents", "images"),
            ("bbox2d_boxes", "bbox_extents", "bboxes"),
        ):
            group = file.create_group(f"Data/{product}_group")
            for table, dtype in (("extents", EXTENTS), (level, ID_EXTENTS), ("image_meta", image_meta(2))):
                rows = np.zeros(6, dtype)
                if table == "image_meta":
                    rows["number_of_voxels"] = 1
                else:
                    rows["N"], rows["first"] = 1, np.arange(6)
                group[table] = rows
            group[column] = np.zeros(6, np.float32 if column == "images" else box(2))
    assert told(shard) == []
    with h5py.File(shard, "r+") as file:
        file["Data/image2d_dense_group/images"][3] = np.nan
        boxes = file["Data/bbox2d_boxes_group/bboxes"][:]
        boxes["half_length"][4, 1] = np.inf
        file["Data/bbox2d_boxes_group/bboxes"][:] = boxes
    what = "a value is not finite"
    assert told(shard) == [("image2d_dense", 3, what), ("bbox2d_boxes", 4, what)]


def test_a_flipped_byte_is_found_by_its_checksum_alone(tmp_path: Path, shard: Path) -> None:
    packed = tmp_path / "packed.h5"
    repack([shard], every_event([shard]), packed, layout="contiguous")
    with ShardReader(packed) as reader:
        product = reader.product("sparse2d_image")
        at = product.layout.offset + 8 * int(product.event_rows[2]) + 4  # the lowest bits of a value
    damaged = bytearray(packed.read_bytes())
    damaged[at] ^= 1
    packed.write_bytes(damaged)
    assert told(packed) == [("sparse2d_image", 0, "the checksum of events 0 to 5 is wrong")]
    sums_path(packed).unlink()
    assert told(packed) == []


def test_checksums_of_another_file_and_spoilt_ones_are_named(tmp_path: Path, shard: Path) -> None:
    packed, other = tmp_path / "packed.h5", tmp_path / "other.h5"
    repack([shard], every_event([shard]), packed, layout="contiguous")
    repack([shard], every_event([shard])[:3], other, layout="contiguous")
    sums_path(packed).write_bytes(sums_path(other).read_bytes())
    assert told(packed) == [
        (None, None, "is not the file that packed.h5.sums.json was made for, or its tables are damaged")
    ]
    sums_path(packed).write_text("{")
    ((_, _, what),) = told(packed)
    assert "packed.h5.sums.json: is not a list of checksums" in what


def test_all_faults_of_all_events_and_products_are_listed(shard: Path) -> None:
    change(shard, "sparse2d_image", "value", {0: np.nan, 130: np.nan, 719: np.nan})
    change(shard, "cluster2d_vertex", "id", {0: 10**6, 17: 10**6})
    assert told(shard) == [
        ("cluster2d_vertex", 0, "a site id lies outside the image"),
        ("sparse2d_image", 0, "a value is not finite"),
        ("sparse2d_image", 1, "a value is not finite"),
        ("cluster2d_vertex", 5, "a site id lies outside the image"),
        ("sparse2d_image", 5, "a value is not finite"),
    ]


def test_a_file_that_changes_meanwhile_is_named(shard: Path) -> None:
    change(shard, "sparse2d_image", "value", {0: np.nan, 130: np.nan})
    faults = check_file(shard)
    assert next(faults).event == 0
    mock.write_shard(shard, seed=2)
    assert [fault.what for fault in faults] == ["was changed or replaced while it was checked"]
