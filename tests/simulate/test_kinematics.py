"""Four-momentum is conserved, boosts are undone, masses stay."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.simulate.kinematics import around, at_rest, boosted, break_up_momentum, decay, mass_of, on_shell, scatter


def test_boost_and_back_gives_the_same_vector() -> None:
    frame = on_shell(np.array([100.0, -200.0, 300.0]), 500.0)
    vector = on_shell(np.array([10.0, 20.0, -30.0]), 105.66)
    assert at_rest(boosted(vector, frame), frame) == pytest.approx(vector)
    assert at_rest(frame, frame) == pytest.approx([0, 0, 0, 500.0], abs=1e-9)


def test_break_up_momentum_of_a_charged_pion() -> None:
    """pi -> mu nu: (139.57^2 - 105.66^2) / (2 * 139.57) = 29.79 MeV/c."""
    assert break_up_momentum(139.57, 105.66, 0.0) == pytest.approx(29.79, abs=0.01)


@pytest.mark.parametrize("num", [1, 2, 3, 5])
def test_products_of_a_decay_have_their_masses_and_add_up(num: int) -> None:
    rng = np.random.default_rng(num)
    masses = [139.57] * num
    parent = on_shell(np.array([0.0, 50.0, 400.0]), 139.57 if num == 1 else 1000.0)
    products = decay(parent, masses, rng)
    assert np.sum(products, axis=0) == pytest.approx(parent)
    assert [mass_of(product) for product in products] == pytest.approx(masses)


def test_scattering_keeps_four_momentum_and_prefers_small_transfers() -> None:
    rng = np.random.default_rng(0)
    beam, target = np.array([0.0, 0.0, 1000.0, 1000.0]), on_shell(np.zeros(3), 939.57)
    transfers = []
    for _ in range(500):
        pair = scatter(beam, target, masses=(105.66, 938.27), axial_mass=1000.0, rng=rng)
        assert pair is not None
        assert pair[0] + pair[1] == pytest.approx(beam + target)
        assert mass_of(pair[0]) == pytest.approx(105.66, rel=1e-4)
        transfer = beam - pair[0]
        transfers.append(transfer[:3] @ transfer[:3] - transfer[3] ** 2)
    assert np.min(transfers) > 0
    # of (1 + q)^-4 between 0 and Q2max = 1.25 GeV2, half lies below 2^(1/3) - 1 (0.26) less what the limit cuts
    assert np.median(transfers) / 1e6 == pytest.approx(0.24, abs=0.03)


def test_scattering_below_threshold_gives_nothing() -> None:
    rng = np.random.default_rng(0)
    beam, target = np.array([0.0, 0.0, 100.0, 100.0]), on_shell(np.zeros(3), 939.57)
    assert scatter(beam, target, masses=(105.66, 938.27), axial_mass=1000.0, rng=rng) is None


def test_around_keeps_the_angle() -> None:
    axis = np.array([3.0, 0.0, 4.0])
    way = around(axis, 0.5, np.random.default_rng(0))
    assert np.linalg.norm(way) == pytest.approx(1)
    assert way @ axis / 5 == pytest.approx(0.5)
