"""Checksums are of whole events in blocks, and a flipped bit is found when its block is first read."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuweave.store import DamagedEventError, ShardReader, StoreError
from nuweave.store.cache import open_index
from nuweave.store.index import FileIndex
from nuweave.store.sums import block_events, hash_rows, make_sums, read_sums, sums_path, write_sums
from tests.store import samples
from tests.store.samples import IMAGE, LABEL, PARTICLE


@pytest.fixture
def blocks_of_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that nearly every event has one of its own."""
    monkeypatch.setattr("nuweave.store.sums.BLOCK_BYTES", 100)


def flip_row(index: FileIndex, product: str, row: int) -> None:
    """Flip a bit of a row of a contiguous column."""
    layout = index.products[product].layout
    with index.path.open("r+b") as file:
        file.seek(layout.offset + row * layout.dtype.itemsize + 4)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))


def test_blocks_are_runs_of_whole_events_of_about_a_given_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = open_index(samples.write_compact(tmp_path / "a.h5"))
    assert block_events(index).tolist() == [0, 5]
    sizes = sum(np.diff(product.event_rows) * product.layout.dtype.itemsize for product in index.products.values())
    monkeypatch.setattr("nuweave.store.sums.BLOCK_BYTES", 1000)
    cuts = block_events(index).tolist()
    assert (cuts[0], cuts[-1]) == (0, 5)
    assert all(np.asarray(sizes)[low : high - 1].sum() < 1000 for low, high in pairwise(cuts))


def test_sums_are_of_the_bytes_as_they_are_stored() -> None:
    rows = np.array([(1, 2.0), (3, 4.0)], [("id", "<u4"), ("value", "<f4")])
    assert hash_rows(rows) == hash_rows(np.frombuffer(rows.tobytes(), np.uint8))
    assert hash_rows(rows) != hash_rows(rows[::-1])


def test_sums_that_are_written_are_those_that_are_read(tmp_path: Path) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    with ShardReader(path) as reader:
        made, found = make_sums(reader.index, reader.rows), read_sums(reader.index)
    assert found is not None
    assert (found.size, found.digest, found.blocks.tolist()) == (made.size, made.digest, made.blocks.tolist())
    assert found.sums == made.sums
    sums_path(path).unlink()
    assert read_sums(open_index(path)) is None


@pytest.mark.usefixtures("blocks_of_one_event")
def test_a_flipped_bit_is_named_by_product_and_event_and_the_others_are_read(tmp_path: Path) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    flip_row(open_index(path), LABEL, 25)
    with ShardReader(path) as reader:
        for event in (0, 1, 2, 4):
            assert len(reader.event_rows(LABEL, event)) == len(reader.event_rows(IMAGE, event))
        for _ in range(2):
            with pytest.raises(DamagedEventError, match="the checksum of events 3 to 3 is wrong") as raised:
                reader.sparse(LABEL, 3)
        fault = raised.value.fault
        assert (fault.path, fault.product, fault.event) == (path, LABEL, 3)
        with pytest.raises(DamagedEventError, match=f"{LABEL}, event 3"):
            reader.rows(LABEL, 0, 77)
        assert len(reader.rows(LABEL, 0, 20)) == 20
        with pytest.raises(DamagedEventError, match=f"{LABEL}, event 3"):
            reader.rows(LABEL, 59, 60)
    with ShardReader(path, verify=False) as reader:
        assert len(reader.sparse(LABEL, 3)) == 2


@pytest.mark.usefixtures("blocks_of_one_event")
def test_fields_of_all_particles_are_verified_too(tmp_path: Path) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    flip_row(open_index(path), PARTICLE, 2)
    with ShardReader(path) as reader, pytest.raises(DamagedEventError, match=f"{PARTICLE}, event 2"):
        reader.particle_field(PARTICLE, "pdg")


def test_another_file_under_the_same_name_is_refused(tmp_path: Path) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    samples.write(path)
    with pytest.raises(StoreError, match=r"a\.h5: is not the file that a\.h5\.sums\.json was made for"):
        ShardReader(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda sums: sums.update(version=2), "another version of nuweave"),
        (lambda sums: sums.pop("size"), "is not a list of checksums"),
        (lambda sums: sums.update(blocks=[0, 2**70]), "is not a list of checksums"),
        (lambda sums: sums.update(sums=[[1]]), "is not a list of checksums"),
        (lambda sums: sums.update(blocks=[0, 3]), "its blocks are not all events"),
        (lambda sums: sums.update(blocks=[1, 5]), "its blocks are not all events"),
        (lambda sums: sums.update(blocks=[0, 3, 2, 5]), "its blocks are not all events"),
        (lambda sums: sums["sums"].update({IMAGE: []}), "its blocks are not all events"),
        (lambda sums: sums["sums"].pop(IMAGE), "is not the file that"),
        (lambda sums: sums.update(digest="0"), "is not the file that"),
        (lambda sums: sums.update(size=1), "is not the file that"),
    ],
)
def test_damaged_sums_are_named(tmp_path: Path, change: Callable[[dict[str, Any]], None], what: str) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    sums = json.loads(sums_path(path).read_text())
    change(sums)
    sums_path(path).write_text(json.dumps(sums))
    with pytest.raises(StoreError, match=what):
        ShardReader(path)
    ShardReader(path, verify=False).close()


def test_sums_that_are_no_json_are_named(tmp_path: Path) -> None:
    path = samples.write_compact(tmp_path / "a.h5")
    for content in (b"", b"[1]", b"\xff\xfe{", b'"text"'):
        sums_path(path).write_bytes(content)
        with pytest.raises(StoreError, match=r"a\.h5\.sums\.json: is not a list of checksums"):
            ShardReader(path)


def test_a_file_without_events_has_sums(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.h5", ((),))
    with ShardReader(path) as reader:
        write_sums(path, make_sums(reader.index, reader.rows))
    with ShardReader(path) as reader:
        assert reader.sparse(IMAGE, 0) == []
