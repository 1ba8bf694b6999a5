"""Particles shot into a box of argon, through the loops of the generator."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.medium import LIQUID_ARGON
from nuweave.simulate.showers import shower_tracks
from nuweave.simulate.tracks import add_primary, make_matter, new_event
from nuweave.simulate.transport import transport_tracks

STEP_CM, CUTOFF_MEV = 0.3, 1.0  # as the generator's settings are by default
ENDLESS_CM = 1e5  # half the side of a box that nothing leaves
ROOM_TRACKS, ROOM_DEPOSITS = 2048, 16384  # for what comes of one shot; made larger until it suffices


class Shots(NamedTuple):
    """What became of particles that were shot: the first `num` tracks are those particles."""

    tracks: NDArray[Any]
    deposits: NDArray[Any]


def shoot(
    pdg: int, kinetic_mev: float, *, num: int, seed: int, length_cm: float = ENDLESS_CM, showers: bool = True
) -> Shots:
    """Shoot particles of one kind from the origin along z, all in one event.

    Args:
        pdg: the kind.
        kinetic_mev: kinetic energy.
        num: how many.
        seed: with it, the result is always the same.
        length_cm: argon ends here, ahead; elsewhere it is endless.
        showers: whether electrons and photons are followed too.
    Returns:
        tracks and deposits as simulate.tracks describes them.
    """
    bounds_cm = np.array([[-ENDLESS_CM, ENDLESS_CM], [-ENDLESS_CM, ENDLESS_CM], [-ENDLESS_CM, length_cm]])
    matter = make_matter(LIQUID_ARGON, bounds_cm=bounds_cm, step_cm=STEP_CM, cutoff_mev=CUTOFF_MEV)
    room = 1
    while True:
        event, rng = new_event(num + room * ROOM_TRACKS, num + room * ROOM_DEPOSITS), np.random.default_rng(seed)
        for _ in range(num):
            add_primary(event, 0, pdg, kinetic_mev, (0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0))
        transport_tracks(event, matter, rng)
        if showers:
            shower_tracks(event, matter, rng)
        num_tracks, num_deposits = event.counts
        if num_tracks <= len(event.tracks) and num_deposits <= len(event.deposits):
            return Shots(event.tracks[:num_tracks], event.deposits[:num_deposits])
        room *= 4
