"""A file is opened with one clear error, and written so that a half-written one never bears its name."""

from __future__ import annotations

import errno
from pathlib import Path

import h5py
import pytest

from nuweave.store.files import DamagedEventError, DiskError, Fault, StoreError, file_state, open_h5, write_aside


def test_a_fault_says_file_product_event_what_and_remedy_in_one_line() -> None:
    path = Path("a.h5")
    assert str(Fault(path, "is cut", "copy it")) == "a.h5: is cut; copy it"
    assert str(Fault(path, "is cut", "copy it", "sparse2d_x")) == "a.h5: sparse2d_x: is cut; copy it"
    assert str(Fault(path, "is cut", "copy it", event=3)) == "a.h5: event 3: is cut; copy it"
    fault = Fault(path, "is cut", "copy it", "sparse2d_x", 3)
    error = DamagedEventError(fault)
    assert str(error) == "a.h5: sparse2d_x, event 3: is cut; copy it"
    assert error.fault == fault


def test_the_state_of_a_file_changes_with_its_size_and_with_its_replacement(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    state = file_state(path)
    assert state == file_state(path)
    assert state.size == 3
    other.replace(path)
    assert state != file_state(path)
    with pytest.raises(StoreError, match="b: no such file"):
        file_state(other)


def test_missing_empty_text_and_truncated_files_are_named_and_a_directory_is_no_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "good.h5", "w") as file:
        file["x"] = [0] * 1000
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "short.h5").write_bytes((tmp_path / "good.h5").read_bytes()[:-8])
    for name, reason in {
        "none.h5": "no such file",
        ".": "no such file",
        "empty.h5": "is empty",
        "text.h5": "is not an HDF5 file",
        "short.h5": "is truncated",
    }.items():
        with pytest.raises(StoreError, match=reason):
            open_h5(tmp_path / name)
    with open_h5(tmp_path / "good.h5") as file:
        assert len(file["x"]) == 1000


def test_a_file_written_aside_takes_its_name_only_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.txt"
    with write_aside(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(KeyError), write_aside(path) as aside:
        aside.write_text("half")
        raise KeyError
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_is_full_is_named_with_the_file_and_nothing_is_left(tmp_path: Path) -> None:
    full = r"a\.h5: cannot be written \(No space left on device\); free space"
    with pytest.raises(DiskError, match=full) as told, write_aside(tmp_path / "a.h5") as aside:
        aside.write_text("half")
        raise OSError(errno.ENOSPC, "no room")
    assert told.value.strerror == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_another_file_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), write_aside(tmp_path / "a.h5"):
        (tmp_path / "absent").read_text()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    aside = write_aside(tmp_path / "file" / "a.h5")
    with pytest.raises(DiskError, match=r"file/a\.h5: cannot be written \(File exists\)"):
        aside.__enter__()
