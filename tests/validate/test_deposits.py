"""Steps of tracks are told from short ones and from showers, and their median is by length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.physics.detectors import get_detector
from nuweave.physics.truth import SemanticLabel
from nuweave.store import StoreError
from nuweave.validate.deposits import check_deposits, track_steps, weighted_median
from tests.convert.handmade import MIP_MEV_CM, deposits, write_edepsim_file


def test_half_of_the_weight_lies_below_the_median() -> None:
    assert weighted_median(np.array([5.0, 1.0, 3.0]), np.array([1.0, 1.0, 1.0])) == 3.0
    assert weighted_median(np.array([5.0, 1.0, 3.0]), np.array([4.0, 1.0, 1.0])) == 5.0


def test_short_steps_and_showers_do_not_count() -> None:
    steps = deposits(((0, 0, 0), (0, 0, 0.3)), ((0, 0, 0), (0, 0, 0.05)), ((0, 0, 0), (0, 0, 0.4)))
    dedx, length = track_steps(steps)
    assert length.tolist() == pytest.approx([0.3, 0.4])
    assert dedx.tolist() == pytest.approx([MIP_MEV_CM] * 2)
    kinds = np.array([SemanticLabel.TRACK, SemanticLabel.TRACK, SemanticLabel.SHOWER], np.int8)
    assert track_steps(replace(steps, semantic_N=kinds))[1].tolist() == pytest.approx([0.3])


def test_a_file_of_muons_has_their_loss(tmp_path: Path) -> None:
    file = write_edepsim_file(tmp_path / "muons.h5", get_detector("cube"))
    found = check_deposits([file], volume=None, num_events=2)
    (row,), (figure,) = found.rows, found.figures
    assert (row.quantity, row.held) == ("dE/dx of muons in muons.h5", True)
    assert row.value == pytest.approx(MIP_MEV_CM, rel=1e-3)
    assert (figure.name, figure.label) == ("muon_dedx", "muons.h5")
    assert sum(figure.counts) == pytest.approx(1.0)
    assert np.argmax(figure.counts) in (20, 21)


@pytest.mark.parametrize(("name", "expected"), [("test_inputs.h5", 1.83), ("module0_corsika.h5", 1.91)])
def test_real_files_have_the_loss_of_muons(shared_data: Path, name: str, expected: float) -> None:
    (row,), _ = check_deposits([shared_data / "edepsim_h5" / name], volume=None, num_events=50)
    assert row.value == pytest.approx(expected, abs=0.005)
    assert row.held


def test_without_a_file_nothing_is_measured() -> None:
    (row,), figures = check_deposits([], volume=None, num_events=2)
    assert (row.value, row.held, row.note, len(figures)) == (None, None, "not measured: give --edepsim", 0)


def test_a_file_that_no_adapter_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.h5").write_text("no deposits")
    with pytest.raises(StoreError, match=r"notes.h5: is in no format"):
        check_deposits([tmp_path / "notes.h5"], volume=None, num_events=2)
