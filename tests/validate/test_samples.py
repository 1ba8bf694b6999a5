"""Samples are of SBND; copies of a real event have its final state, at its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.config import UserError
from nuweave.convert.event import Event, Images, Vertex
from nuweave.physics.detectors import get_detector
from nuweave.physics.truth import Mode
from nuweave.store.schema import PARTICLE
from nuweave.validate.samples import final_state, make_copies, read_events
from tests import mock

SBND = get_detector("sbnd")
BINDINO, ARGON_39 = 2000000101, 1000180390


def event(*pdgs: int) -> Event:
    """Particles of (0.3, 0, 0.4) GeV, 0.5 GeV in all, at (1, 2, 3) cm and 8 us."""
    rows = np.zeros(len(pdgs), PARTICLE)
    rows["pdg"], rows["px"], rows["pz"], rows["interaction_type"] = pdgs, 0.3, 0.4, 1001
    return Event(0, Images([], None, None, None), Vertex(np.array([1.0, 2.0, 3.0]), 8.0), rows, Mode.QE)


def test_final_state_is_that_of_the_truth_but_for_what_the_generator_does_not_know() -> None:
    found = final_state(event(14, 13, 2212, BINDINO, ARGON_39))
    assert found is not None
    interaction, place = found
    assert place == (1.0, 2.0, 3.0, 0.0)
    assert (interaction.neutrino.pdg, interaction.is_cc, interaction.mode, interaction.reaction) == (
        14, True, "QES", 1001,
    )  # fmt: skip
    assert [particle.pdg for particle in interaction.final] == [13, 2212]
    assert interaction.neutrino.momentum.tolist() == pytest.approx([300.0, 0.0, 400.0, 500.0])
    assert interaction.final[1].momentum.tolist() == pytest.approx([300.0, 0.0, 400.0, 1063.18], abs=0.01)


def test_scattered_neutrino_is_a_neutral_current() -> None:
    found = final_state(event(14, 14, 2212))
    assert found is not None
    assert not found.interaction.is_cc


def test_event_whose_truth_does_not_tell_has_no_final_state() -> None:
    whole = event(14, 13)
    missing = [replace(whole, vertex=None), replace(whole, particles=None), replace(whole, mode=None)]
    assert [final_state(one) for one in [*missing, event(14, BINDINO), event()]] == [None] * 5


def test_copies_have_the_final_state_of_the_real_event_and_cosmics_of_their_own(
    tmp_path: Path, shared_data: Path
) -> None:
    real = read_events(shared_data / "larcv3/sbnd_2events.h5", SBND, 2)
    (copies,) = make_copies(tmp_path, SBND, [replace(real[0], particles=None), real[1]], num_copies=2, seed=1)
    assert len(copies) == 2
    for copy in copies:
        assert copy.particles is not None
        assert copy.particles["pdg"].tolist()[:5] == [12, 11, 2112, 2112, 2112]
        assert copy.particles["pz"][:2] == pytest.approx([1.00196, 0.67586], abs=1e-4)
        assert copy.vertex is not None
        assert copy.vertex.place_cm.tolist() == pytest.approx([-59.371, 132.301, 250.181], abs=1e-3)
    first, second = (copy.content for copy in copies)
    assert isinstance(first, Images)
    assert isinstance(second, Images)
    assert len(first.values[2].ids) != len(second.values[2].ids)


def test_images_of_another_detector_are_refused(tmp_path: Path) -> None:
    path = mock.write_shard(tmp_path / "small.h5")
    with pytest.raises(UserError, match=r"small.h5: must hold events with labelled images of sbnd \(3 times 2048x1280"):
        read_events(path, SBND, 5)
