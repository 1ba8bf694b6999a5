"""A file is named and summed up without being converted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nuweave.convert.inspect import find_format, inspect_file, lines
from nuweave.physics.detectors import get_detector
from nuweave.store import StoreError
from tests.convert.handmade import write_edepsim_file


def test_deposits_are_summed_up(tmp_path: Path) -> None:
    path = write_edepsim_file(tmp_path / "raw.h5", get_detector("sbnd"))
    found = inspect_file(path, find_format(path), num_events=1)
    assert (found.adapter, found.num_events, found.generator_seed) == ("edepsim_h5", 3, "4")
    (event,) = found.events
    assert (event.number, event.neutrino, event.vertex_cm) == (10, 14, [-30.0, 0.0, 250.0])
    assert event.total == pytest.approx([0.63 * event.num[0]])
    assert event.low_cm == pytest.approx([-30, 0, 0])
    assert event.high_cm == pytest.approx([20, 199.8, 499.8])
    text = "\n".join(lines(found))
    assert "raw.h5: 3 events\ngenerator: by hand, seed 4\ntruth:\n  yes cosmic or neutrino" in text
    assert "x -30.0 to 20.0, y 0.0 to 199.8, z 0.0 to 499.8 cm" in text
    assert "vertex at (-30.0, 0.0, 250.0) cm, of neutrino 14" in text


def test_images_of_a_real_file_are_summed_up(shared_data: Path) -> None:
    path = shared_data / "larcv3" / "sbnd_2events.h5"
    found = inspect_file(path, find_format(path))
    assert (found.adapter, found.num_events) == ("larcv3", 2)
    assert found.events[0].shapes == [[2048, 1280]] * 3
    assert f"image of 2048 x 1280: {found.events[0].num[0]} sites" in "\n".join(lines(found))


def test_a_file_of_no_known_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no simulation")
    with pytest.raises(StoreError, match=r"notes\.txt: is in no format that nuweave reads; docs/formats\.md"):
        find_format(tmp_path / "notes.txt")
