"""A copy on the local disk is the file itself, made once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nuweave.loader import EventDataset, LoaderError, stage, staged_path
from nuweave.loader import staging as staging_module
from tests import mock


def test_a_copy_holds_the_same_events_and_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mock.write_shard(tmp_path / "a.h5")
    copy = stage(path, tmp_path / "local" / "disk")
    assert copy == staged_path(path, tmp_path / "local" / "disk")
    assert copy.read_bytes() == path.read_bytes()
    assert EventDataset(copy).manifest == EventDataset(path).manifest
    monkeypatch.setattr(shutil, "copyfile", pytest.fail)
    assert stage(path, tmp_path / "local" / "disk") == copy


def test_a_changed_file_gets_a_copy_of_its_own_and_a_short_copy_is_made_again(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "a.h5")
    old = stage(path, tmp_path / "local")
    old.write_bytes(old.read_bytes()[:100])
    assert stage(path, tmp_path / "local").read_bytes() == path.read_bytes()
    os.utime(path, ns=(1, 1))
    assert stage(path, tmp_path / "local") != old


def test_no_room_and_a_copy_that_differs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mock.write_shard(tmp_path / "a.h5")
    with monkeypatch.context() as patch:
        patch.setattr(staging_module, "SPARE_BYTES", 2**62)
        with pytest.raises(LoaderError, match=r"loader.stage_dir=.*bytes are free, .*a.h5 needs"):
            stage(path, tmp_path / "local")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", lambda _, to: Path(to).write_bytes(b"other"))
        with pytest.raises(LoaderError, match=r"differs from .*a.h5"):
            stage(path, tmp_path / "local")
    assert list((tmp_path / "local").iterdir()) == []
