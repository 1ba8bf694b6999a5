"""A repacked file holds the chosen events, all of each, bit for bit, in less room, and never without its checksums."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pytest

import nuweave.store.repack
import nuweave.store.sums
from nuweave.store import (
    DamagedEventError,
    EventId,
    ShardReader,
    ShardWriter,
    SparseImage,
    StoreError,
    file_state,
    sums_path,
)
from nuweave.store.check import check_file
from nuweave.store.repack import every_event, repack, shuffled
from nuweave.store.schema import EXTENTS, ID_EXTENTS, KINDS, box, image_meta, product_kind
from tests import mock

Layout = Literal["contiguous", "archive"]
LAYOUTS: tuple[Layout, Layout] = ("contiguous", "archive")


def add_product(path: Path, name: str, counts: list[list[int]], rows: np.ndarray[Any, Any]) -> None:
    """Add boxes, pixels or numbers to a file; counts[event][projection] rows each."""
    kind = KINDS[product_kind(name)]
    lengths = np.array([count for event in counts for count in event], np.int64)
    extents = np.zeros(len(counts), EXTENTS)
    extents["N"] = [len(event) for event in counts]
    extents["first"] = np.cumsum(extents["N"]) - extents["N"]
    images = np.zeros(len(lengths), ID_EXTENTS)
    images["N"], images["first"], images["ID"] = lengths, np.cumsum(lengths) - lengths, np.arange(len(lengths)) % 2
    metas = np.zeros(len(lengths), image_meta(int(name.split("_")[0][-2])))
    metas["number_of_voxels"], metas["valid"] = 4, 1
    with h5py.File(path, "r+") as file:
        group = file.create_group(f"Data/{name}_group")
        group["extents"], group[kind.levels[1]], group["image_meta"], group[kind.column] = extents, images, metas, rows


def write_every_kind(path: Path, *, run: int) -> Path:
    """Four events with a product of every kind; boxes, pixels and numbers in events 0, 2 and 3 only."""
    rng = np.random.default_rng(run)
    mock.write_shard(path, num_events=4, run=run, seed=run)
    boxes = np.zeros(5, box(2))
    boxes["centroid"], boxes["rotation"] = rng.normal(size=(5, 2)), rng.normal(size=(5, 4))
    add_product(path, "bbox2d_boxes", [[2, 1], [], [0], [2]], boxes)
    add_product(path, "image2d_dense", [[16], [], [16, 16], [16]], rng.normal(size=64).astype(np.float32))
    add_product(path, "tensor1d_pulse", [[4], [], [4], [4]], rng.normal(size=12).astype(np.float32))
    return path


def content(reader: ShardReader, event: int) -> dict[str, list[Any]]:
    """All that a file says of an event, however it is stored."""
    found: dict[str, list[Any]] = {"event_id": [reader.event_id(event)]}
    for name, product in reader.index.products.items():
        first, last, told = event, event + 1, []
        for depth, level in enumerate(KINDS[product_kind(name)].levels):
            if depth == 1 and "image_meta" in product.tables:
                metas = product.tables["image_meta"][first:last]
                told += [metas[key].tolist() for key in metas.dtype.fields or ()]
            rows = product.tables[level][first:last]
            told += [rows[key].tolist() for key in ("N", "ID") if key in (rows.dtype.fields or ())]
            first, last = product.starts[depth][[first, last]]
        rows = reader.event_rows(name, event)
        if product.column == "voxels":
            told += [rows["id"].tolist(), rows["value"].astype(np.float32).tobytes()]
        else:
            told += [rows[key].tolist() for key in rows.dtype.fields or (...,)]
        found[name] = told
    return found


def require_picked(shards: list[Path], picks: list[list[int]], out: Path) -> None:
    with ShardReader(out) as reader:
        assert len(reader) == len(picks)
        for event, (shard, entry) in enumerate(picks):
            with ShardReader(shards[shard]) as source:
                assert content(reader, event) == content(source, entry)
    assert list(check_file(out)) == []


def write_images(path: Path, events: list[list[SparseImage]], *, product: str = "sparse2d_image") -> Path:
    with ShardWriter(path) as writer:
        for event, images in enumerate(events):
            writer.append(EventId(0, 0, event), sparse={product: images})
    return path


def one_image(
    *values: float, shape: tuple[int, ...] = (4, 4), ids: list[int] | None = None, projection: int = 0
) -> SparseImage:
    sites = np.arange(len(values)) if ids is None else np.array(ids)
    return SparseImage(sites, np.array(values, np.float32), shape, projection)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_products_of_every_kind_come_whole_in_the_order_of_picks(tmp_path: Path, layout: Layout) -> None:
    shards = [write_every_kind(tmp_path / f"{run}.h5", run=run) for run in range(2)]
    picks = [[1, 2], [0, 0], [1, 0], [0, 3], [0, 1]]
    repack(shards, np.array(picks), tmp_path / "out.h5", layout=layout)
    require_picked(shards, picks, tmp_path / "out.h5")
    with ShardReader(tmp_path / "out.h5") as reader:
        assert set(reader.products) >= {"bbox2d_boxes", "image2d_dense", "tensor1d_pulse", "cluster2d_vertex"}
        assert {product.layout.way for product in reader.index.products.values()} == {
            "mapped" if layout == "contiguous" else "inflated"
        }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_real_sbnd_events_come_whole(tmp_path: Path, shared_data: Path, layout: Layout) -> None:
    shards = [tmp_path / "sbnd.h5"]
    shards[0].write_bytes((shared_data / "larcv3" / "sbnd_2events.h5").read_bytes())
    repack(shards, np.array([[0, 1], [0, 0]]), tmp_path / "out.h5", layout=layout)
    require_picked(shards, [[0, 1], [0, 0]], tmp_path / "out.h5")
    if layout == "archive":
        assert (tmp_path / "out.h5").stat().st_size < 0.65 * shards[0].stat().st_size


@pytest.mark.parametrize("layout", LAYOUTS)
def test_planes_without_sites_and_events_without_planes_stay(tmp_path: Path, layout: Layout) -> None:
    empty, full = one_image(), one_image(0.5, 2.0, projection=1)
    shards = [write_images(tmp_path / "a.h5", [[], [empty, full], [], [empty, one_image(projection=1)], []])]
    picks = [[0, 0], [0, 3], [0, 1], [0, 2], [0, 4]]
    repack(shards, np.array(picks), tmp_path / "out.h5", layout=layout)
    require_picked(shards, picks, tmp_path / "out.h5")
    repack(shards, np.array([[0, 4], [0, 2]]), tmp_path / "bare.h5", layout=layout)
    require_picked(shards, [[0, 4], [0, 2]], tmp_path / "bare.h5")
    repack(shards, np.empty((0, 2), np.int64), tmp_path / "none.h5", layout=layout)
    require_picked(shards, [], tmp_path / "none.h5")


def test_voxels_are_as_small_as_their_product_allows(tmp_path: Path) -> None:
    for values, itemsize in (((0, 255), 5), ((0, 256), 8), ((0.5,), 8), ((-0.0,), 8), ((-1,), 8)):
        shard = write_images(tmp_path / "a.h5", [[one_image(1)], [one_image(*values)]])
        repack([shard], every_event([shard]), tmp_path / "out.h5", layout="contiguous")
        require_picked([shard], [[0, 0], [0, 1]], tmp_path / "out.h5")
        with h5py.File(tmp_path / "out.h5") as file:
            assert file["Data/sparse2d_image_group/voxels"].dtype.itemsize == itemsize
    for last, shape, itemsize in ((2**32 - 1, (2**16, 2**16), 8), (2**32, (2**16, 2**16 + 1), 12)):
        shard = write_images(tmp_path / "a.h5", [[one_image(0.5, 0.5, shape=shape, ids=[3, last])]])
        repack([shard], every_event([shard]), tmp_path / "out.h5", layout="contiguous")
        require_picked([shard], [[0, 0]], tmp_path / "out.h5")
        with h5py.File(tmp_path / "out.h5") as file:
            assert file["Data/sparse2d_image_group/voxels"].dtype.itemsize == itemsize


def test_the_archive_is_shuffled_and_deflated_in_chunks_of_16_thousand_voxels(tmp_path: Path) -> None:
    shard = mock.write_shard(tmp_path / "a.h5")
    repack([shard], every_event([shard]), tmp_path / "out.h5", layout="archive")
    with h5py.File(tmp_path / "out.h5") as file:
        for product, rows in (("sparse2d_image", 2**14), ("sparse2d_label", 2**14)):
            voxels = file[f"Data/{product}_group/voxels"]
            assert (voxels.chunks, voxels.compression, voxels.shuffle) == ((rows,), "gzip", True)


def test_blocks_of_events_do_not_show_in_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = [mock.write_shard(tmp_path / f"{run}.h5", run=run) for run in range(3)]
    picks = shuffled(every_event(shards), seed=3)
    monkeypatch.setattr(nuweave.store.sums, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(nuweave.store.repack, "BLOCKS_AT_ONCE", 2)
    repack(shards, picks, tmp_path / "many.h5", layout="contiguous")
    require_picked(shards, picks.tolist(), tmp_path / "many.h5")


def test_any_number_of_shards_is_read_through_64_open_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_open: set[Path] = set()
    most = 0

    class Counted(ShardReader):
        def __init__(self, path: Path, *, verify: bool = True) -> None:
            nonlocal most
            super().__init__(path, verify=verify)
            is_open.add(path)
            most = max(most, len(is_open))

        def close(self) -> None:
            super().close()
            is_open.discard(self.path)

    monkeypatch.setattr(nuweave.store.repack, "ShardReader", Counted)
    shards = [write_images(tmp_path / f"{i}.h5", [[one_image(i)], [one_image(i, 0.5)]]) for i in range(66)]
    picks = shuffled(every_event(shards), seed=1)
    repack(shards, picks, tmp_path / "out.h5", layout="contiguous")
    require_picked(shards, picks.tolist(), tmp_path / "out.h5")
    assert most == 64 + 1  # the new file, read back
    assert is_open == set()


def test_every_event_comes_once_in_an_order_of_the_seed(tmp_path: Path) -> None:
    shards = [mock.write_shard(tmp_path / f"{num}.h5", num_events=num) for num in (2, 3)]
    picks = every_event(shards)
    assert picks.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [1, 2]]
    one, same, other = (shuffled(picks, seed=seed).tolist() for seed in (1, 1, 2))
    assert one == same != other
    assert sorted(one) == sorted(other) == picks.tolist()


def test_shards_that_differ_are_both_named(tmp_path: Path) -> None:
    first = write_images(tmp_path / "first.h5", [[one_image(0.5)]])
    others = {
        "products: only one of them has sparse2d_image, sparse2d_other": write_images(
            tmp_path / "a.h5", [[one_image(0.5)]], product="sparse2d_other"
        ),
        "shape or number": write_images(tmp_path / "b.h5", [[one_image(0.5, shape=(4, 5))]]),
        "number of their images": write_images(tmp_path / "c.h5", [[one_image(0.5), one_image(1, projection=1)]]),
    }
    for reason, other in others.items():
        with pytest.raises(StoreError, match=rf"first.h5 and .*{other.name} differ in .*{reason}.*; convert all"):
            repack([first, other], np.array([[0, 0], [1, 0]]), tmp_path / "out.h5", layout="contiguous")
    assert not (tmp_path / "out.h5").exists()


def test_shards_of_other_voxel_types_are_gathered_in_one(tmp_path: Path) -> None:
    shard = write_images(tmp_path / "a.h5", [[one_image(0.5)]])
    small = write_images(tmp_path / "b.h5", [[one_image(7)]])
    repack([small], every_event([small]), tmp_path / "small.h5", layout="contiguous")
    shards = [tmp_path / "small.h5", shard]
    repack(shards, every_event(shards), tmp_path / "out.h5", layout="archive")
    require_picked(shards, [[0, 0], [1, 0]], tmp_path / "out.h5")


def test_events_that_are_wrong_are_named_and_the_old_file_stays(tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    good = mock.write_shard(tmp_path / "good.h5")
    repack([good], every_event([good]), out, layout="contiguous")
    before = {path.name: path.read_bytes() for path in (out, sums_path(out))}
    for name, field, row, value, reason in (
        ("sparse2d_image", "id", 120, 2**40, "outside the image"),
        ("sparse2d_image", "value", 120, np.nan, "not finite"),
        ("sparse2d_label", "id", 239, 32 * 24 - 1, "image and label have different sites"),
        ("cluster2d_vertex", "id", 3, 2**40, "outside the image"),
    ):
        shard = mock.write_shard(tmp_path / "bad.h5")
        with h5py.File(shard, "r+") as file:
            voxels = file[f"Data/{name}_group/voxels"]
            rows = voxels[:]
            rows[field][row] = value
            voxels[:] = rows
        with pytest.raises(DamagedEventError, match=rf"bad.h5: {name}, event 1: .*{reason}"):
            repack([shard], every_event([shard]), out, layout="contiguous")
    with pytest.raises(IndexError, match=r"good.h5: event 6 is out of range, the file has 6"):
        repack([good], np.array([[0, 6]]), out, layout="contiguous")
    assert {path.name: path.read_bytes() for path in (out, sums_path(out))} == before
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_a_shard_that_changes_meanwhile_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = mock.write_shard(tmp_path / "a.h5")
    block_events = nuweave.store.sums.block_events

    def touch_first(*arguments: Any) -> Any:
        os.utime(shard, ns=(0, 0))
        return block_events(*arguments)

    monkeypatch.setattr(nuweave.store.repack, "block_events", touch_first)
    with pytest.raises(StoreError, match=r"a.h5: was changed or replaced while open"):
        repack([shard], every_event([shard]), tmp_path / "out.h5", layout="contiguous")
    assert not (tmp_path / "out.h5").exists()


def test_a_shard_that_was_replaced_while_it_was_closed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = [write_images(tmp_path / f"{i}.h5", [[one_image(i)], [one_image(i)]]) for i in range(2)]
    monkeypatch.setattr(nuweave.store.repack, "MAX_OPEN", 1)
    block_events = nuweave.store.sums.block_events

    def replace_first(*arguments: Any) -> Any:
        write_images(shards[0], [[one_image(7)], [one_image(8)]])
        return block_events(*arguments)

    monkeypatch.setattr(nuweave.store.repack, "block_events", replace_first)
    with pytest.raises(StoreError, match=r"0.h5: was changed or replaced while it was repacked; repack it again"):
        repack(shards, every_event(shards), tmp_path / "out.h5", layout="contiguous")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_flipped_byte_anywhere_in_the_columns_is_named(tmp_path: Path, layout: Layout) -> None:
    shard = write_every_kind(tmp_path / "a.h5", run=0)
    out = tmp_path / "out.h5"
    repack([shard], every_event([shard]), out, layout=layout)
    with ShardReader(out) as reader:
        layouts = {name: product.layout for name, product in reader.index.products.items()}
    whole = out.read_bytes()
    for name, found in layouts.items():
        damaged = bytearray(whole)
        damaged[(found.offset if layout == "contiguous" else int(found.chunks[0, 0])) + 6] ^= 64
        out.write_bytes(damaged)
        faults = list(check_file(out))
        assert {fault.product for fault in faults} == {name}
        assert all(fault.event is not None and "out.h5" in str(fault) for fault in faults)
        with ShardReader(out) as reader, pytest.raises(DamagedEventError, match=f"out.h5: {name}, event "):
            [reader.event_rows(name, event) for event in range(4)]


def test_an_interrupted_repack_leaves_no_file_without_its_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = [mock.write_shard(tmp_path / f"{seed}.h5", seed=seed) for seed in (1, 2)]
    out = tmp_path / "out.h5"
    replace = os.replace

    def stop_at_the_file(source: Path, target: Path) -> None:
        if target == out:
            raise KeyboardInterrupt
        replace(source, target)

    def interrupt(shard: Path) -> None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, "replace", stop_at_the_file)
            repack([shard], every_event([shard]), out, layout="contiguous")

    interrupt(shards[0])
    with pytest.raises(StoreError, match=r"out.h5: no such file"):
        ShardReader(out)
    repack([shards[0]], every_event([shards[0]]), out, layout="contiguous")
    # the same events in number and size, so that only the sums of the blocks tell the files apart
    interrupt(shards[1])
    with (
        ShardReader(out) as reader,
        pytest.raises(DamagedEventError, match=r"out.h5: sparse2d_image, event 0: .*write"),
    ):
        reader.sparse("sparse2d_image", 0)
    repack([shards[1]], every_event([shards[1]]), out, layout="contiguous")
    require_picked([shards[1]], [[0, event] for event in range(6)], out)


def test_a_file_may_be_repacked_onto_itself(tmp_path: Path) -> None:
    shard, copy = mock.write_shard(tmp_path / "a.h5"), mock.write_shard(tmp_path / "b.h5")
    before = file_state(shard)
    repack([shard], every_event([shard])[::-1], shard, layout="archive")
    assert file_state(shard) != before
    require_picked([copy], [[0, event] for event in reversed(range(6))], shard)
