"""edep-sim files come back as written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.store.edepsim import (
    MC_HDR,
    MC_STACK,
    SEGMENT,
    TABLES,
    TRAJECTORY,
    EdepSimEvents,
    EdepSimWriter,
    write_edepsim,
)
from nuweave.store.edepsim_file import NEEDED_FIELDS, read_edepsim
from tests.store.samples import edepsim_tables


def test_tables_and_attributes_come_back(tmp_path: Path) -> None:
    written = replace(edepsim_tables(), attributes={"generator": "nuweave", "generator_seed": 7})
    write_edepsim(tmp_path / "a.h5", written)
    read = read_edepsim(tmp_path / "a.h5")
    for name in TABLES:
        assert np.array_equal(getattr(read, name), getattr(written, name)), name
    assert read.attributes == {"generator": "nuweave", "generator_seed": 7}
    assert list(read.event_ids) == [0, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_events_one_by_one_give_the_file_of_all_at_once(tmp_path: Path) -> None:
    tables = edepsim_tables()
    write_edepsim(tmp_path / "all.h5", tables)
    with EdepSimWriter(tmp_path / "each.h5", {}) as writer:
        for number in tables.event_ids:
            writer.append(
                EdepSimEvents(
                    **{name: getattr(tables, name)[getattr(tables, name)["event_id"] == number] for name in TABLES}
                )
            )
        assert [path.name for path in tmp_path.glob("*.h5") if not path.name.startswith(".")] == ["all.h5"]
    for name in TABLES:
        assert np.array_equal(getattr(read_edepsim(tmp_path / "each.h5"), name), getattr(tables, name)), name


def test_a_file_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), EdepSimWriter(tmp_path / "a.h5", {}) as writer:
        writer.append(edepsim_tables())
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_fields_of_the_dialect_have_its_names_and_kinds() -> None:
    assert SEGMENT["vertex_id"] == np.uint64
    assert SEGMENT["t0_start"] == np.float64
    assert SEGMENT["dEdx"] == np.float32
    assert TRAJECTORY["pxyz_start"].shape == (3,)
    assert MC_HDR["nu_4mom"].shape == MC_STACK["part_4mom"].shape == (4,)
    for name, needed in NEEDED_FIELDS.items():
        assert set(needed) <= set(TABLES[name].names or ())
