"""Everything that tables and addresses can show to be wrong is named, with its product and event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nuweave.store import ShardReader, StoreError
from nuweave.store.cache import open_index
from nuweave.store.files import AGAIN
from nuweave.store.scan import scan
from nuweave.store.schema import EXTENTS, ID_EXTENTS, box, image_meta
from tests.store import samples
from tests.store.samples import CLUSTER, IMAGE, LABEL, PARTICLE


def group_of(product: str) -> str:
    return f"Data/{product}_group"


def damage(path: Path, product: str, change: Callable[[h5py.Group], None]) -> list[str]:
    """The faults of a file after a change in the group of a product."""
    samples.write(path)
    with h5py.File(path, "r+") as file:
        change(file[group_of(product)])
    return [str(fault) for fault in scan(path)[1]]


def set_field(table: str, field: str, row: int, value: Any) -> Callable[[h5py.Group], None]:
    def change(group: h5py.Group) -> None:
        rows = group[table][:]
        rows[field][row] = value
        group[table][:] = rows

    return change


def shorten(table: str) -> Callable[[h5py.Group], None]:
    return lambda group: group[table].resize((len(group[table]) - 1,))


def replace(table: str, data: Any) -> Callable[[h5py.Group], None]:
    def change(group: h5py.Group) -> None:
        del group[table]
        group[table] = data

    return change


@pytest.mark.parametrize("table", ["extents", "voxel_extents", "image_meta", "voxels"])
def test_a_table_that_is_too_short_is_named(tmp_path: Path, table: str) -> None:
    faults = damage(tmp_path / "a.h5", IMAGE, shorten(table))
    assert len(faults) == 1
    assert table in faults[0] or "has 4 events, Events/event_id has 5" in faults[0]
    with pytest.raises(StoreError, match=f"a.h5: {IMAGE}: "):
        ShardReader(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("product", "change", "what"),
    [
        (IMAGE, set_field("extents", "N", 1, 1), "extents counts 7 rows of voxel_extents, 8 are stored"),
        (IMAGE, set_field("extents", "first", 3, 5), "event 3: extents row 3 starts at 5, not at 4 where"),
        (IMAGE, set_field("extents", "first", 3, 2**63), "event 3: extents row 3 starts at 9223372036854775808"),
        (IMAGE, set_field("voxel_extents", "first", 5, 21), "event 3: voxel_extents row 5 starts at 21, not at 27"),
        (CLUSTER, set_field("cluster_extents", "first", 15, 0), "event 4: cluster_extents row 15 starts at 0"),
        (IMAGE, set_field("image_meta", "number_of_voxels", 0, (0, 12)), "event 0: projection 0 has the shape [0, 12]"),
        (
            IMAGE,
            set_field("image_meta", "number_of_voxels", 5, (4, 8)),
            "event 3: projection 5 has 33 sites, more than",
        ),
        (IMAGE, set_field("image_meta", "number_of_voxels", 7, (2**40, 2**40)), "event 4: projection 7 has the shape"),
        (IMAGE, replace("voxels", np.arange(77)), "voxels are stored as int64, which larcv3 does not know"),
        (IMAGE, replace("voxels", np.zeros(77, [("id", ">u8"), ("value", "<f4")])), "which larcv3 does not know"),
        (IMAGE, replace("voxels", np.zeros((7, 11))), "voxels is not a list"),
        (PARTICLE, replace("particles", np.zeros(6, ID_EXTENTS)), "which larcv3 does not know"),
        (IMAGE, replace("extents", np.zeros(5, ID_EXTENTS)), "extents is not a list of {first, N}"),
        (IMAGE, lambda group: group.pop("voxels"), "has no voxels"),
        (CLUSTER, lambda group: group.pop("cluster_extents"), "has no cluster_extents"),
    ],
)
def test_what_contradicts_itself_is_named_with_its_product_and_event(
    tmp_path: Path, product: str, change: Callable[[h5py.Group], None], what: str
) -> None:
    faults = damage(tmp_path / "a.h5", product, change)
    assert len(faults) == 1
    assert faults[0].startswith(f"{tmp_path / 'a.h5'}: {product}")
    assert what in faults[0]


def test_one_faulty_product_hides_no_other(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        for product in (IMAGE, PARTICLE):
            del file[group_of(product)]["extents"]
    index, faults = scan(path)
    assert [fault.product for fault in faults] == [PARTICLE, IMAGE]
    assert set(index.products) == {CLUSTER, LABEL}


def test_two_products_on_the_same_bytes_are_named(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file[group_of("sparse2d_other")] = file[group_of(IMAGE)]
    faults = [str(fault) for fault in scan(path)[1]]
    assert len(faults) == 1
    assert "sparse2d_other_group" in faults[0]
    assert "lie on the same bytes" in faults[0]


def test_a_product_whose_name_became_that_of_another_is_named(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    content = path.read_bytes()
    assert content.count(b"sparse2d_label_group") == 1
    path.write_bytes(content.replace(b"sparse2d_label_group", b"sparse2d_image_group"))
    with pytest.raises(StoreError, match=r"a\.h5: has two products sparse2d_image"):
        open_index(path)


def test_a_product_that_is_no_group_is_named(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file[group_of("sparse2d_x")] = np.zeros(3, EXTENTS)
    assert [str(fault).split(": ", 1)[1] for fault in scan(path)[1]] == [f"sparse2d_x: is not a group; {AGAIN}"]


def test_what_is_no_product_of_larcv3_is_left_alone(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["Data/notes_group/x"] = np.arange(3)
        file["Data/sparse2d_image"] = np.arange(3)
    assert set(open_index(path).products) == {IMAGE, LABEL, CLUSTER, PARTICLE}


def test_boxes_and_dense_images_are_indexed_as_well(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5", ((1,), (1,)))
    columns = {
        "bbox2d_x": ("bbox_extents", "bboxes", np.zeros(5, box(2))),
        "image2d_x": ("image_extents", "images", np.arange(5, dtype=np.float32)),
        "tensor3d_x": ("image_extents", "images", np.arange(5, dtype=np.float32)),
    }
    with h5py.File(path, "r+") as file:
        for product, (level, name, rows) in columns.items():
            group = file.create_group(group_of(product))
            group["extents"] = np.array([(0, 1), (1, 1)], EXTENTS)
            group[level] = np.array([(0, 2, 0), (2, 3, 0)], ID_EXTENTS)
            group["image_meta"] = np.zeros(2, image_meta(int(product[-4])))
            group[name] = rows
    with ShardReader(path) as reader:
        for product in columns:
            assert reader.index.products[product].event_rows.tolist() == [0, 2, 5]
        assert reader.event_rows("tensor3d_x", 1).tolist() == [2, 3, 4]


def test_a_file_without_events_is_legal(tmp_path: Path) -> None:
    samples.write(tmp_path / "a.h5", ((1,),))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        for dataset in (file["Events/event_id"], *(d for group in file["Data"].values() for d in group.values())):
            dataset.resize((0,))
    index = open_index(tmp_path / "a.h5")
    assert index.products[CLUSTER].event_rows.tolist() == [0]
