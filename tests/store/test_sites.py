"""Events are copied whole and in order into flat columns, and every site is looked at before it is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nuweave.store import (
    Columns,
    DamagedEventError,
    EventId,
    ShardReader,
    ShardWriter,
    SiteReader,
    SparseImage,
    StoreError,
    even_pieces,
    id_type,
)
from tests import mock
from tests.store import samples
from tests.store.samples import IMAGE, LABEL, SETTINGS, SITES


def site_reader(path: Path, *, image: str = IMAGE, label: str | None = LABEL) -> SiteReader:
    return SiteReader(ShardReader(path), image=image, label=label, num_classes=3)


def expected(reader: ShardReader, event: int, product: str, part: str) -> list[Any]:
    return [one for image in reader.sparse(product, event) for one in getattr(image, part).tolist()]


@pytest.mark.parametrize("stored", SETTINGS)
def test_sites_of_events_stand_one_after_another_in_the_order_asked_for(tmp_path: Path, stored: str) -> None:
    path = samples.rewrite(samples.write(tmp_path / "s.h5"), tmp_path / "a.h5", columns=SETTINGS[stored])
    sites = site_reader(path)
    reader, events = sites.reader, [4, 0, 2, 3, 1, 0]
    ids, values, labels = samples.read_sites(sites, events)
    assert ids == [one for event in events for one in expected(reader, event, IMAGE, "ids")]
    assert values == [one for event in events for one in expected(reader, event, IMAGE, "values")]
    assert labels == [one for event in events for one in expected(reader, event, LABEL, "values")]


def test_the_compact_types_give_the_same_sites_as_larcvs(tmp_path: Path) -> None:
    one, other = (
        site_reader(write(tmp_path / name))
        for name, write in (("a.h5", samples.write_larcv_like), ("b.h5", samples.write_compact))
    )
    assert samples.read_sites(one, [0, 1, 2, 3, 4]) == samples.read_sites(other, [0, 1, 2, 3, 4])


def test_sites_are_counted_by_event_and_plane(tmp_path: Path) -> None:
    sites = site_reader(samples.write(tmp_path / "a.h5"))
    assert (len(sites), sites.shape, sites.num_planes) == (5, samples.SHAPE, 2)
    assert sites.num_sites.tolist() == [sum(counts) for counts in SITES]
    assert sites.plane_sites(np.array([3, 2, 0])).tolist() == [[7, 33], [0, 0], [20, 0]]
    assert sites.plane_sites(np.arange(5)).tolist() == [list(counts) or [0, 0] for counts in SITES]


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_an_event_without_projections_may_stand_anywhere(tmp_path: Path, empty: int) -> None:
    counts: list[tuple[int, ...]] = [(3, 4), (5, 6)]
    counts.insert(empty, ())
    sites = site_reader(samples.write(tmp_path / "a.h5", tuple(counts)))
    assert sites.plane_sites(np.arange(3)).tolist() == [list(of) or [0, 0] for of in counts]
    assert samples.read_sites(sites, [empty]) == ([], [], [])
    assert len(samples.read_sites(sites, [0, 1, 2])[0]) == 18


def test_only_the_room_asked_for_is_written_to_and_a_file_needs_no_label(tmp_path: Path) -> None:
    sites = site_reader(samples.write(tmp_path / "a.h5"), label=None)
    out = samples.room(25)
    sites.read([0], out, at=3)
    assert out.ids[3:23].tolist() == expected(sites.reader, 0, IMAGE, "ids")
    assert set(out.ids[[0, 1, 2, 23, 24]].tolist()) == {2**32 - 1}
    assert set(out.labels.tolist()) == {255}


def test_images_in_three_dimensions_and_of_more_sites_than_32_bits_number(tmp_path: Path) -> None:
    assert [id_type(shape) for shape in [(2048, 1280), (2**16, 2**16), (2**16, 2**16 + 1)]] == [
        np.uint32,
        np.uint32,
        np.int64,
    ]
    ids = np.array([0, 2**32, 2**33 - 1], np.int64)
    image = SparseImage(ids, np.ones(3, np.float32), (2**11, 2**11, 2**11))
    with ShardWriter(tmp_path / "a.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse3d_image": [image]})
    sites = site_reader(tmp_path / "a.h5", image="sparse3d_image", label=None)
    assert (sites.shape, id_type(sites.shape)) == (image.shape, np.int64)
    out = Columns(np.zeros(3, np.int64), np.zeros(3, np.float32), np.zeros(3, np.uint8))
    sites.read([0], out)
    assert out.ids.tolist() == ids.tolist()


@pytest.mark.parametrize("stored", ["contiguous", "shuffled", "lzf"])
def test_threads_share_a_reader(tmp_path: Path, stored: str) -> None:
    counts = tuple((num % 7, num % 5) for num in range(60))
    path = samples.rewrite(samples.write(tmp_path / "s.h5", counts), tmp_path / "a.h5", columns=SETTINGS[stored])
    sites = site_reader(path)
    alone = [samples.read_sites(sites, [event]) for event in range(60)]
    order = np.random.default_rng(0).integers(0, 60, 600).tolist()
    fresh = site_reader(path)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda event: samples.read_sites(fresh, [event]), order)) == [alone[e] for e in order]


def test_events_are_looked_at_once_and_damage_is_told_every_time(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        voxels = file[f"Data/{IMAGE}_group/voxels"]
        row = voxels[30]
        row["value"] = np.nan
        voxels[30] = row
    sites = site_reader(path)
    for _ in range(2):
        with pytest.raises(DamagedEventError) as raised:
            samples.read_sites(sites, [3])
        fault = raised.value.fault
        assert (fault.path, fault.product, fault.event, fault.what) == (path, IMAGE, 3, "a value is not finite")
    assert len(samples.read_sites(sites, [0, 4])[0]) == 37


def test_image_and_label_whose_tables_differ_are_refused_on_opening(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def images(
        counts: tuple[int, ...], numbers: tuple[int, ...] = (0, 1), shape: tuple[int, int] = (8, 8)
    ) -> list[SparseImage]:
        return [
            mock.image(rng, shape=shape, projection=n, num_sites=num) for num, n in zip(counts, numbers, strict=False)
        ]

    cases = {
        "event 1: .* have different sites": ([images((2, 3)), images((2, 3))], [images((2, 3)), images((3, 2))]),
        "event 0: .* have different sites": ([images((2, 3))], [images((2, 3), (1, 0))]),
        "differ in shape or number of images": ([images((2, 3))], [images((2, 3), shape=(9, 9))]),
        "has no image in any event": ([images(())], [images(())]),
    }
    for number, (what, (image, label)) in enumerate(cases.items()):
        with ShardWriter(tmp_path / f"{number}.h5") as writer:
            for event, (one, other) in enumerate(zip(image, label, strict=True)):
                writer.append(EventId(0, 0, event), sparse={IMAGE: one, LABEL: other})
        with pytest.raises(StoreError, match=what):
            site_reader(tmp_path / f"{number}.h5")


def test_a_batch_is_cut_where_its_pieces_have_as_many_sites_and_none_is_empty() -> None:
    assert even_pieces(np.array([3, 1, 1, 1]), 2) == [slice(0, 1), slice(1, 4)]
    assert even_pieces(np.array([0, 5, 0]), 2) == [slice(0, 1), slice(1, 3)]
    assert even_pieces(np.array([7]), 3) == [slice(0, 1)]
    assert even_pieces(np.array([], np.int64), 2) == []
