"""Steps: the directions, the volume, and what a muon leaves in three millimetres."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nuweave.physics.medium import LIQUID_ARGON
from nuweave.simulate.tracks import add_primary, distance_to_exit, make_matter, new_event, turned
from tests.simulate.shoot import SBND_CM, lengths_cm, shoot


@pytest.mark.parametrize("direction", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.6, 0.0, 0.8), (0.0, -1.0, 0.0)])
@pytest.mark.parametrize("cosine", [-1.0, -0.3, 0.5, 1.0])
def test_turned_direction_is_a_unit_vector_at_the_given_angle(
    direction: tuple[float, float, float], cosine: float
) -> None:
    for azimuth in (0.0, 1.0, 4.0):
        way = turned(direction, cosine, azimuth)
        assert math.hypot(*way) == pytest.approx(1)
        assert np.dot(way, direction) == pytest.approx(cosine, abs=1e-9)


def test_distance_to_exit_is_to_the_nearest_wall_ahead() -> None:
    matter = make_matter(LIQUID_ARGON, bounds_cm=SBND_CM, step_cm=0.3, cutoff_mev=1.0)
    event = new_event(3, 1)
    add_primary(event, 0, 13, 100.0, (0.6, 0.0, 0.8), (0.0, 0.0, 460.0, 0.0))
    add_primary(event, 0, 13, 100.0, (-1.0, 0.0, 0.0), (-200.0, 0.0, 10.0, 0.0))
    add_primary(event, 0, 13, 100.0, (-1.0, 0.0, 0.0), (201.0, 0.0, 10.0, 0.0))
    assert [distance_to_exit(matter, track) for track in event.tracks] == pytest.approx([50.0, 0.0, 0.0])


def test_event_that_does_not_fit_says_how_much_room_it_needs() -> None:
    event = new_event(1, 1)
    for _ in range(3):
        add_primary(event, 0, 13, 100.0, (0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0))
    assert event.counts[0] == 3


def test_most_probable_loss_of_a_muon_in_three_millimetres() -> None:
    """Landau's most probable value at the minimum is 1.6 MeV/cm in 3 mm, well below the mean of 2.1 MeV/cm."""
    losses = []
    for shot in shoot(13, 300.0, num=40):
        steps = shot.deposits[shot.deposits["track"] == 0][:100]
        losses.extend(steps["energy"] / lengths_cm(steps))
    counts, edges = np.histogram(losses, bins=np.arange(1.0, 3.0, 0.1))
    assert edges[counts.argmax()] + 0.05 == pytest.approx(1.6, abs=0.11)
    assert 1.8 < np.mean(losses) < 2.1


def test_scattering_angle_after_one_radiation_length_is_highlands() -> None:
    angles = []
    for shot in shoot(13, 1000.0, num=400):
        steps = shot.deposits[shot.deposits["track"] == 0]
        step = steps[np.searchsorted(np.cumsum(lengths_cm(steps)), 14.0)]
        for axis in "xy":
            angles.append((step[f"{axis}_end"] - step[f"{axis}_start"]) / 0.3)
    kinetic, mass = 1000 - 0.5 * 14 * 2.2, 105.66
    expected = 13.6 * (kinetic + mass) / (kinetic * (kinetic + 2 * mass))
    assert np.std(angles) == pytest.approx(expected, rel=0.08)


def test_delta_rays_above_the_cutoff_are_tracks_of_their_own_and_as_many_as_rutherford_says() -> None:
    """Between 1 and 10 MeV: 0.5 K Z/A rho / beta^2 (1/1 - 1/10) a centimetre, less the small beta^2 T/Tmax term."""
    num_deltas, path = 0, 0.0
    for shot in shoot(13, 2000.0, num=30, bounds_cm=SBND_CM, place_cm=(0.0, 0.0, 0.0)):
        deltas = shot.tracks[(shot.tracks["parent"] == 0) & (shot.tracks["start_process"] == 2)]
        num_deltas += int(np.sum(deltas["kinetic_start"] < 10))
        path += float(shot.tracks["length"][0])
        assert np.all(deltas["kinetic_start"] > 1.0)
    assert num_deltas / path == pytest.approx(0.5 * 0.307075 * 0.45059 * 1.396 * 0.9, rel=0.1)
