"""edep-sim files come back as written; what another dialect lacks is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nuweave.store import StoreError
from nuweave.store.edepsim import (
    MC_HDR,
    MC_STACK,
    NEEDED_FIELDS,
    SEGMENT,
    TABLES,
    TRAJECTORY,
    VERTEX,
    EdepSimEvents,
    read_edepsim,
    write_edepsim,
)


def tables() -> EdepSimEvents:
    """Two events: a neutrino with one segment of 0.6 MeV, a cosmic without."""
    segments, trajectories = np.zeros(1, SEGMENT), np.zeros(1, TRAJECTORY)
    vertices, header, stack = np.zeros(2, VERTEX), np.zeros(1, MC_HDR), np.zeros(1, MC_STACK)
    vertices["event_id"], vertices["vertex_id"] = [0, 4], [0, 4001]
    segments["dE"], segments["t0_start"] = 0.6, 1e-6
    header["Enu"], stack["part_4mom"] = 800, [0, 0, 800, 800]
    return EdepSimEvents(segments, trajectories, vertices, header, stack)


def test_tables_and_attributes_come_back(tmp_path: Path) -> None:
    written = tables()
    write_edepsim(tmp_path / "a.h5", written, {"generator": "nuweave", "generator_seed": 7})
    read = read_edepsim(tmp_path / "a.h5")
    for name in TABLES:
        assert np.array_equal(getattr(read, name), getattr(written, name)), name
    assert read.attributes == {"generator": "nuweave", "generator_seed": 7}
    assert list(read.event_ids) == [0, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_fields_of_the_dialect_have_its_names_and_kinds() -> None:
    assert SEGMENT["vertex_id"] == np.uint64
    assert SEGMENT["t0_start"] == np.float64
    assert SEGMENT["dEdx"] == np.float32
    assert TRAJECTORY["pxyz_start"].shape == (3,)
    assert MC_HDR["nu_4mom"].shape == MC_STACK["part_4mom"].shape == (4,)
    for name, needed in NEEDED_FIELDS.items():
        assert set(needed) <= set(TABLES[name].names or ())


@pytest.mark.parametrize("name", TABLES)
def test_missing_table_is_named(tmp_path: Path, name: str) -> None:
    write_edepsim(tmp_path / "a.h5", tables())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file[name]
    with pytest.raises(StoreError, match=rf"a\.h5: has no table {name} .*convert"):
        read_edepsim(tmp_path / "a.h5")


def test_missing_field_is_named(tmp_path: Path) -> None:
    write_edepsim(tmp_path / "a.h5", tables())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        rows = file["segments"][:]
        del file["segments"]
        file["segments"] = rows[[name for name in SEGMENT.names or () if name != "t0_end"]]
    with pytest.raises(StoreError, match=r"segments has no field t0_end.*convert"):
        read_edepsim(tmp_path / "a.h5")


def test_more_fields_than_needed_are_kept_and_fewer_than_written_are_enough(tmp_path: Path) -> None:
    write_edepsim(tmp_path / "a.h5", tables())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["vertices"]
        dtype = [(name, VERTEX[name]) for name in NEEDED_FIELDS["vertices"]] + [("file_vertex_id", np.dtype("u8"))]
        file["vertices"] = np.zeros(2, dtype)
    assert "file_vertex_id" in (read_edepsim(tmp_path / "a.h5").vertices.dtype.names or ())


@pytest.mark.parametrize("name", ["segments", "vertices"])
def test_file_without_events_is_refused(tmp_path: Path, name: str) -> None:
    without: dict[str, Any] = {name: np.zeros(0, TABLES[name])}
    write_edepsim(tmp_path / "a.h5", replace(tables(), **without))
    with pytest.raises(StoreError, match=f"table {name} is empty.*leave the file out"):
        read_edepsim(tmp_path / "a.h5")


def test_oldest_dialect_is_refused_with_what_it_lacks(shared_data: Path) -> None:
    with pytest.raises(StoreError, match="has no table trajectories, vertices, mc_hdr, mc_stack"):
        read_edepsim(shared_data / "edepsim_h5" / "test_inputs.h5")
