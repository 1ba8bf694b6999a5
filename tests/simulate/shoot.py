"""One particle at a time into a medium, for the tests of transport and showers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.medium import LIQUID_ARGON, Medium
from nuweave.simulate.showers import shower_tracks
from nuweave.simulate.tracks import Direction, add_primary, make_matter, new_event
from nuweave.simulate.transport import transport_tracks

SBND_CM = np.array([[-200.0, 200.0], [-200.0, 200.0], [0.0, 500.0]])
ENDLESS_CM = 100 * SBND_CM - [[0.0], [0.0], [25000.0]]


class Shot(NamedTuple):
    """What became of one particle: it is tracks[0]."""

    tracks: NDArray[Any]
    deposits: NDArray[Any]

    @property
    def energy(self) -> float:
        """Deposited energy [MeV]."""
        return float(self.deposits["energy"].sum())


def shoot(
    pdg: int,
    kinetic_mev: float,
    *,
    num: int,
    bounds_cm: NDArray[np.float64] = ENDLESS_CM,
    place_cm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    direction: Direction = (0.0, 0.0, 1.0),
    medium: Medium = LIQUID_ARGON,
) -> Iterator[Shot]:
    """`num` particles of one kind, from a place along a direction (z); seeded."""
    matter = make_matter(medium, bounds_cm=bounds_cm, step_cm=0.3, cutoff_mev=1.0)
    for seed in range(num):
        event, rng = new_event(4096, 65536), np.random.default_rng(seed)
        add_primary(event, 0, pdg, kinetic_mev, direction, (*place_cm, 0.0))
        transport_tracks(event, matter, rng)
        shower_tracks(event, matter, rng)
        num_tracks, num_deposits = event.counts
        yield Shot(event.tracks[:num_tracks], event.deposits[:num_deposits])


def lengths_cm(deposits: NDArray[Any]) -> NDArray[np.float64]:
    """float64[N], length of each deposit."""
    squares = [(deposits[f"{axis}_end"] - deposits[f"{axis}_start"]) ** 2 for axis in "xyz"]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)))
