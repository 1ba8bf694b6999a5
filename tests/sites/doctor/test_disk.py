"""A full, read-only or lockless file system is found by trying, and nothing is left there."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuweave.sites.doctor.check import Answer, Check, ask
from nuweave.sites.doctor.disk import check_disk, disk_command, nearest
from nuweave.sites.doctor.trial import try_directory

GOOD = {"free_gb": 100.0, "write": "", "flock": "", "hdf5": ""}


def look(directory: Path) -> Check:
    return check_disk("results", directory, ask(disk_command(directory), os.environ, 60.0), "write elsewhere")


def judge(**found: object) -> Check:
    return check_disk("results", Path("/r"), Answer(0, json.dumps({**GOOD, **found}), "", 0.0), "write elsewhere")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 1 MB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], capture_output=True)
    if made.returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must be root: a full disk is a file system of its own")
        pytest.skip("this machine does not let us mount")
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)


def test_a_good_directory_takes_files_and_locks_and_keeps_nothing(tmp_path: Path) -> None:
    check = look(tmp_path)
    assert check.found.startswith(f"{tmp_path}: ")
    assert not any(try_directory(tmp_path)[trial] for trial in ("write", "flock", "hdf5"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_file_system_is_named(small_disk: Path) -> None:
    check = look(small_disk)
    assert (check.state, check.remedy) == ("fail", "free space, or write elsewhere")
    assert check.found == f"{small_disk}: 0.0 GB free; cannot be written (No space left on device)"
    assert list(small_disk.iterdir()) == []


def test_a_read_only_file_system_is_named(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    check = look(small_disk)
    assert check.state == "fail"
    assert check.found == f"{small_disk}: 0.0 GB free; cannot be written (Read-only file system)"


def test_locks_that_do_not_hold_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda _file, _kind: None)
    assert try_directory(tmp_path)["flock"] == "a second lock was granted"


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        ({}, "ok", "100.0 GB free, takes files and locks"),
        ({"free_gb": 5.0}, "warn", "enough for a demo"),
        ({"free_gb": 0.5}, "fail", "free space, or write elsewhere"),
        ({"flock": "Function not implemented"}, "fail", "files cannot be locked (Function not implemented)"),
        ({"hdf5": "unable to lock file"}, "fail", "export HDF5_USE_FILE_LOCKING=FALSE"),
    ],
)
def test_what_was_found_is_judged(found: dict[str, object], state: str, words: str) -> None:
    check = judge(**found)
    assert check.state == state
    assert words in f"{check.found}; {check.remedy}"


def test_a_file_system_that_hangs_is_told() -> None:
    check = check_disk("results", Path("/r"), Answer(None, "", "no answer within 60 s", 60.0), "write elsewhere")
    assert (check.state, check.found) == ("fail", "/r: no answer within 60 s")


def test_a_directory_that_is_not_there_yet_is_tried_where_it_would_be_made(tmp_path: Path) -> None:
    assert nearest(tmp_path / "results/demo") == tmp_path
