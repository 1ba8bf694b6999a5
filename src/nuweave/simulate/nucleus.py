"""The argon nucleus: nucleons in motion before the interaction, and what it does to hadrons on their way out."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nuweave.physics import constants as lar
from nuweave.simulate.kinematics import FourVector, around, on_shell, random_direction, with_kinetic

FERMI_MOMENTUM_MEV = 251.0  # at the centre of argon (Moniz)
BINDING_MEV = 29.5  # taken from a nucleon's energy, as GENIE does for argon
SEPARATION_MEV = 8.0  # energy that it takes to free a nucleon
PION_ABSORPTION, PION_EXCHANGE, PION_SCATTER = 0.25, 0.05, 0.12
NUCLEON_COLLISION = 0.45  # chance of a collision, again after each
COLLISION_MIN_MEV = 25.0
ESCAPE_MIN_MEV = 1.0  # nucleons below stay inside
PROTON_SHARE = lar.ATOMIC_NUMBER / lar.MASS_NUMBER


class Particle(NamedTuple):
    """A particle: PDG code and four-momentum (px, py, pz, E) [MeV]."""

    pdg: int
    momentum: FourVector

    @property
    def kinetic(self) -> float:
        """Kinetic energy [MeV]."""
        return float(self.momentum[3]) - lar.MASS_MEV[abs(self.pdg)]


def draw_nucleon_pdg(rng: np.random.Generator) -> int:
    """A proton or a neutron, as frequent as in argon."""
    return 2212 if rng.random() < PROTON_SHARE else 2112


def draw_nucleon(pdg: int, rng: np.random.Generator) -> tuple[FourVector, float]:
    """A bound nucleon of a local Fermi gas: its four-momentum, and the Fermi momentum where it sits [MeV/c]."""
    surface = FERMI_MOMENTUM_MEV * rng.random() ** (1 / 3)
    momentum = surface * rng.random() ** (1 / 3) * random_direction(rng)
    vector = on_shell(momentum, lar.MASS_MEV[pdg])
    vector[3] -= BINDING_MEV
    return vector, surface


def leave_nucleus(hadrons: list[Particle], rng: np.random.Generator) -> list[Particle]:
    """What comes out of the nucleus: pions may be absorbed, exchange charge or scatter; nucleons knock out others.

    Energy is never gained: what is transferred is lost, and each nucleon that is freed costs SEPARATION_MEV.
    """
    waiting, free = list(hadrons), []
    while waiting:
        particle = waiting.pop()
        if abs(particle.pdg) in (111, 211):
            free.extend(_pion(particle, waiting, rng))
        elif particle.kinetic > COLLISION_MIN_MEV and rng.random() < NUCLEON_COLLISION:
            waiting.extend(_collide(particle, rng))
        elif particle.kinetic > ESCAPE_MIN_MEV:
            free.append(particle)
    return free


def _pion(pion: Particle, waiting: list[Particle], rng: np.random.Generator) -> list[Particle]:
    """The pion if it survives, perhaps changed; nucleons that it frees are added to `waiting`."""
    kind = rng.random()
    if kind < PION_ABSORPTION:
        waiting.extend(_absorbed(pion, rng))
        return []
    kind -= PION_ABSORPTION
    if kind < PION_EXCHANGE:
        pdg = 111 if pion.pdg != 111 else int(rng.choice([211, -211]))
        kinetic = max(pion.kinetic - SEPARATION_MEV, 1.0)
        return [Particle(pdg, with_kinetic(pion.momentum[:3], kinetic, lar.MASS_MEV[abs(pdg)]))]
    if kind < PION_EXCHANGE + PION_SCATTER and pion.kinetic > COLLISION_MIN_MEV:
        scattered, knocked = _collide(pion, rng)
        waiting.append(knocked)
        return [scattered]
    return [pion]


def _absorbed(pion: Particle, rng: np.random.Generator) -> list[Particle]:
    """The two or three nucleons that share the energy of an absorbed pion."""
    num = 2 if rng.random() < 0.7 else 3
    energy = max(float(pion.momentum[3]) - num * SEPARATION_MEV, 0.0)
    shares = rng.dirichlet(np.full(num, 3.0))
    chance = {211: 0.85, 111: 0.5, -211: 0.15}[pion.pdg]  # of a proton: pi+ n -> p, pi- p -> n
    pdgs = [2212 if rng.random() < chance else 2112 for _ in range(num)]
    return [
        Particle(pdg, with_kinetic(random_direction(rng), share * energy, lar.MASS_MEV[pdg]))
        for pdg, share in zip(pdgs, shares, strict=True)
    ]


def _collide(particle: Particle, rng: np.random.Generator) -> tuple[Particle, Particle]:
    """A hadron gives part of its kinetic energy to a nucleon at rest: the hadron after, the nucleon."""
    given = particle.kinetic * rng.uniform(0.05, 0.5)
    mass = lar.MASS_MEV[abs(particle.pdg)]
    slope = math.sqrt(given / particle.kinetic)  # equal masses: the knocked one leaves at cos^2 = share
    after = with_kinetic(around(particle.momentum[:3], math.sqrt(1 - slope**2), rng), particle.kinetic - given, mass)
    pdg = draw_nucleon_pdg(rng)
    way = around(particle.momentum[:3], slope, rng)
    knocked = with_kinetic(way, max(given - SEPARATION_MEV, 0.0), lar.MASS_MEV[pdg])
    return Particle(particle.pdg, after), Particle(pdg, knocked)


def pauli_blocked(nucleons: list[FourVector], fermi_momentum: float) -> bool:
    """Whether a nucleon would end in a state that is taken."""
    return any(math.sqrt(float(vector[:3] @ vector[:3])) < fermi_momentum for vector in nucleons)
