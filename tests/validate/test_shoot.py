"""Particles are shot as asked, all in one event."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.validate import shoot as module
from nuweave.validate.shoot import shoot


def test_shots_start_at_the_origin_along_z_and_come_first() -> None:
    tracks = shoot(13, 100.0, num=3, seed=1).tracks
    assert tracks["pdg"][:3].tolist() == [13] * 3
    assert tracks["parent"][:3].tolist() == [-1] * 3
    assert np.all(tracks["parent"][3:] >= 0)
    for axis in "xyz":
        assert not tracks[f"{axis}_start"][:3].any()
    assert tracks["uz_start"][:3].tolist() == [1.0] * 3
    assert len({float(length) for length in tracks["length"][:3]}) == 3


def test_the_same_seed_gives_the_same_whatever_room_there_was(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = shoot(11, 100.0, num=1, seed=4)
    monkeypatch.setattr(module, "ROOM_TRACKS", 1)
    monkeypatch.setattr(module, "ROOM_DEPOSITS", 1)
    narrow = shoot(11, 100.0, num=1, seed=4)
    assert np.array_equal(narrow.tracks, roomy.tracks)
    assert np.array_equal(narrow.deposits, roomy.deposits)
    assert not np.array_equal(shoot(11, 100.0, num=1, seed=5).deposits, roomy.deposits)


def test_argon_ends_ahead() -> None:
    tracks = shoot(13, 500.0, num=4, seed=1, length_cm=10.0, showers=False).tracks[:4]
    assert tracks["z"].tolist() == pytest.approx([10.0] * 4)
    assert np.all(tracks["kinetic"] > 450)


def test_electrons_stay_where_they_start_without_showers() -> None:
    assert len(shoot(11, 100.0, num=2, seed=1, showers=False).deposits) == 0
