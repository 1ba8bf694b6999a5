"""edep-sim HDF5 is read an event at a time in each dialect; what is of none, or of two, is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.store import StoreError
from nuweave.store.edepsim import SEGMENT, TABLES, VERTEX, write_edepsim
from nuweave.store.edepsim_file import NEEDED_FIELDS, Dialect, EdepSimFile, is_edepsim, read_edepsim
from tests.store.samples import edepsim_tables

OLD_SEGMENT = [
    ("eventID", "u4"),
    ("trackID", "u4"),
    ("pdgId", "i4"),
    ("dE", "f4"),
    ("t_start", "f4"),
    ("t_end", "f4"),
] + [(f"{axis}_{end}", "f4") for axis in "xyz" for end in ("start", "end")]


def without(path: Path, *names: str) -> Path:
    """The sample file without some tables."""
    write_edepsim(path, edepsim_tables())
    with h5py.File(path, "r+") as file:
        for name in names:
            del file[name]
    return path


def replaced(path: Path, name: str, rows: NDArray[Any]) -> Path:
    """The sample file with other rows in a table."""
    with h5py.File(without(path, name), "r+") as file:
        file[name] = rows
    return path


@pytest.mark.parametrize(
    ("gone", "dialect"),
    [([], Dialect.GENERATOR), (["mc_hdr", "mc_stack"], Dialect.TRACKS)],
    ids=["2x2_sim", "larnd-sim"],
)
def test_the_dialect_is_told_by_the_tables(tmp_path: Path, gone: list[str], dialect: Dialect) -> None:
    with EdepSimFile(without(tmp_path / "a.h5", *gone)) as file:
        assert file.dialect is dialect
        assert file.fields("mc_hdr") >= {"isCC"} if dialect is Dialect.GENERATOR else not file.fields("mc_hdr")
        assert file.event_ids.tolist() == [0, 4]
        assert file.rows("segments", 0)["dE"] == pytest.approx([0.6])
        assert len(file.rows("segments", 4)) == 0
        assert file.rows("vertices", 4)["vertex_id"].tolist() == [4001]


def test_the_oldest_dialect_gets_the_names_of_the_present(shared_data: Path) -> None:
    with EdepSimFile(shared_data / "edepsim_h5" / "test_inputs.h5") as file:
        assert file.dialect is Dialect.SEGMENTS
        assert file.event_ids.tolist() == list(range(10))
        rows = file.rows("segments", 0)
        assert (len(rows), rows["traj_id"][0], rows["pdg_id"][0]) == (98, 11, 13)
        assert not file.fields("trajectories")
    with pytest.raises(StoreError, match="has no table trajectories, vertices, mc_hdr, mc_stack"):
        read_edepsim(shared_data / "edepsim_h5" / "test_inputs.h5")


def test_rows_in_any_order_are_found_and_keep_their_order(tmp_path: Path) -> None:
    rows = np.zeros(7, SEGMENT)
    rows["event_id"], rows["segment_id"] = [4, 0, 0, 4, 0, 9, 4], range(7)
    with EdepSimFile(replaced(tmp_path / "a.h5", "segments", rows)) as file:
        assert file.event_ids.tolist() == [0, 4, 9]  # 9 has no vertex
        found = [file.rows("segments", number)["segment_id"].tolist() for number in (0, 4, 9, 5)]
    assert found == [[1, 2, 4], [0, 3, 6], [5], []]


def test_only_rows_of_the_event_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.zeros(1000, SEGMENT)
    rows["event_id"] = np.arange(1000) // 10
    read: list[slice] = []
    original = EdepSimFile._read

    def spy(file: EdepSimFile, name: str, span: slice) -> NDArray[Any]:
        read.append(span)
        return original(file, name, span)

    monkeypatch.setattr(EdepSimFile, "_read", spy)
    with EdepSimFile(replaced(tmp_path / "a.h5", "segments", rows)) as file:
        assert read == []
        assert len(file.rows("segments", 7)) == 10
    assert read == [slice(70, 80)]


@pytest.mark.parametrize("name", ["segments", "trajectories", "vertices", "mc_hdr", "mc_stack"])
def test_a_missing_table_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match=rf"a\.h5: has no table {name} .*convert"):
        EdepSimFile(without(tmp_path / "a.h5", name))


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    rows = np.zeros(1, SEGMENT)[[name for name in SEGMENT.names or () if name != "t0_end"]]
    with pytest.raises(StoreError, match=r"segments has no field t0_end.*convert"):
        EdepSimFile(replaced(tmp_path / "a.h5", "segments", rows))


def test_two_dialects_in_one_file_are_refused_by_name(tmp_path: Path) -> None:
    path = replaced(tmp_path / "a.h5", "segments", np.zeros(3, OLD_SEGMENT))
    with pytest.raises(StoreError, match=r"mixes two dialects: segments with eventID, trajectories, .* with event_id"):
        EdepSimFile(path)
    both = np.zeros(3, [*OLD_SEGMENT, ("event_id", "u4")])
    with pytest.raises(StoreError, match="mixes two dialects: segments with eventID, segments"):
        EdepSimFile(replaced(tmp_path / "b.h5", "segments", both))


def test_more_fields_than_needed_are_kept_and_fewer_than_written_are_enough(tmp_path: Path) -> None:
    dtype = [(name, VERTEX[name]) for name in NEEDED_FIELDS["vertices"]] + [("file_vertex_id", np.dtype("u8"))]
    path = replaced(tmp_path / "a.h5", "vertices", np.zeros(2, dtype))
    assert "file_vertex_id" in (read_edepsim(path).vertices.dtype.names or ())


@pytest.mark.parametrize("name", ["segments", "vertices"])
def test_file_without_events_is_refused(tmp_path: Path, name: str) -> None:
    empty: dict[str, Any] = {name: np.zeros(0, TABLES[name])}
    write_edepsim(tmp_path / "a.h5", replace(edepsim_tables(), **empty))
    with pytest.raises(StoreError, match=f"table {name} is empty.*leave the file out"):
        EdepSimFile(tmp_path / "a.h5")


def test_damaged_rows_are_one_line(tmp_path: Path) -> None:
    rows = np.zeros(5000, SEGMENT)
    rows["dE"] = np.random.default_rng(1).random(5000)
    tables = replace(edepsim_tables(), segments=rows)
    write_edepsim(tmp_path / "a.h5", tables)
    with h5py.File(tmp_path / "a.h5") as file:
        place = file["segments"].id.get_chunk_info(0).byte_offset
    with (tmp_path / "a.h5").open("r+b") as raw:
        raw.seek(place + 100)
        raw.write(b"\xff" * 5000)
    damaged = r"a.h5: table segments cannot be read .*copy the file again"
    with EdepSimFile(tmp_path / "a.h5") as file, pytest.raises(StoreError, match=damaged) as caught:
        file.table("segments")  # opening inflates the numbers of events only
    assert "\n" not in str(caught.value)


def test_other_hdf5_is_no_edepsim(tmp_path: Path, shared_data: Path) -> None:
    assert is_edepsim(without(tmp_path / "a.h5", "mc_hdr"))
    assert is_edepsim(shared_data / "edepsim_h5" / "module0_corsika.h5")
    assert not is_edepsim(shared_data / "nexus_h5" / "EPEM.irene.h5")
