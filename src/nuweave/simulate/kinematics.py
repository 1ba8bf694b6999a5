"""Four-momenta (px, py, pz, E) in MeV: boosts, decays, scattering."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FourVector = NDArray[np.float64]


def mass_of(vector: FourVector) -> float:
    """Invariant mass [MeV]; 0 for what is space-like by rounding."""
    return math.sqrt(max(vector[3] ** 2 - vector[:3] @ vector[:3], 0.0))


def on_shell(momentum: NDArray[np.float64], mass: float) -> FourVector:
    """The four-momentum of a particle of given momentum [3] and mass."""
    return np.append(momentum, math.sqrt(momentum @ momentum + mass**2))


def with_kinetic(direction: NDArray[np.float64], kinetic: float, mass: float) -> FourVector:
    """The four-momentum of a particle of given kinetic energy, along a vector [3] of any length."""
    momentum = math.sqrt(kinetic * (kinetic + 2 * mass))
    return np.append(direction * momentum / np.linalg.norm(direction), kinetic + mass)


def random_direction(rng: np.random.Generator) -> NDArray[np.float64]:
    """float64[3], a unit vector with no preference."""
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def boosted(vector: FourVector, frame: FourVector) -> FourVector:
    """A vector known in the rest frame of `frame`, as seen where `frame` is given."""
    mass = mass_of(frame)
    along = vector[:3] @ frame[:3]
    energy = (frame[3] * vector[3] + along) / mass
    return np.append(vector[:3] + frame[:3] * (along / (frame[3] + mass) + vector[3]) / mass, energy)


def at_rest(vector: FourVector, frame: FourVector) -> FourVector:
    """A vector as seen in the rest frame of `frame`."""
    return boosted(vector, np.append(-frame[:3], frame[3]))


def break_up_momentum(mass: float, first: float, second: float) -> float:
    """Momentum of the two products of a decay at rest [MeV/c]."""
    return math.sqrt(max((mass**2 - (first + second) ** 2) * (mass**2 - (first - second) ** 2), 0.0)) / (2 * mass)


def decay(parent: FourVector, masses: Sequence[float], rng: np.random.Generator) -> list[FourVector]:
    """Products of a decay, isotropic; three and more by a chain of two-body decays of random intermediate masses."""
    mass = mass_of(parent)
    if len(masses) == 1:
        return [parent]
    spare = mass - sum(masses)
    rest = sum(masses[1:]) + (spare * rng.random() ** (1 / (len(masses) - 2)) if len(masses) > 2 else 0.0)
    momentum = break_up_momentum(mass, masses[0], rest) * random_direction(rng)
    first = boosted(on_shell(momentum, masses[0]), parent)
    return [first, *decay(boosted(on_shell(-momentum, rest), parent), masses[1:], rng)]


def scatter(
    beam: FourVector,
    target: FourVector,
    *,
    masses: tuple[float, float],
    axial_mass: float,
    rng: np.random.Generator,
) -> tuple[FourVector, FourVector] | None:
    """Two bodies to two: the momentum transfer Q2 follows the dipole (1 + Q2/M_A^2)^-4 between its limits.

    Args:
        beam: the neutrino.
        target: what it meets.
        masses: of the outgoing lepton and of the outgoing hadrons [MeV].
        axial_mass: M_A [MeV].
        rng: source of random numbers.
    Returns:
        lepton and hadrons, or None below threshold.
    """
    total = beam + target
    energy = mass_of(total)
    if energy <= sum(masses):
        return None
    incoming = at_rest(beam, total)
    momentum = break_up_momentum(energy, *masses)
    lepton_energy = math.hypot(momentum, masses[0])
    middle = 2 * incoming[3] * lepton_energy - masses[0] ** 2
    spread = 2 * incoming[3] * momentum
    low, high = ((1 + (middle + side * spread) / axial_mass**2) ** -3 for side in (-1, 1))
    transfer = axial_mass**2 * ((low + (high - low) * rng.random()) ** (-1 / 3) - 1)
    cosine = min(max((middle - transfer) / spread, -1.0), 1.0)
    way = around(incoming[:3], cosine, rng)
    lepton = boosted(on_shell(momentum * way, masses[0]), total)
    return lepton, total - lepton


def around(axis: NDArray[np.float64], cosine: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """float64[3], a unit vector at an angle (its cosine) to an axis, at a random azimuth."""
    unit = axis / np.linalg.norm(axis)
    across = np.cross(unit, random_direction(rng))
    across /= np.linalg.norm(across)
    return np.asarray(cosine * unit + math.sqrt(max(1 - cosine**2, 0.0)) * across)
