"""The nucleus that is hit: nucleons in motion before the interaction, and what it does to hadrons on their way out."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nuweave.physics import constants as lar
from nuweave.physics.medium import Nucleus
from nuweave.simulate.kinematics import FourVector, around, on_shell, random_direction, with_kinetic

SEPARATION_MEV = 8.0  # energy that it takes to free a nucleon
PION_ABSORPTION, PION_EXCHANGE, PION_SCATTER = 0.25, 0.05, 0.12
NUCLEON_COLLISION = 0.5  # chance of a collision, again after each
CHARGE_EXCHANGE = 0.5  # of two nucleons that collide, how often they change places
COLLISION_MIN_MEV = 25.0
ESCAPE_MIN_MEV = 1.0  # nucleons below stay inside
EXCITATION_MEV = 8.0  # mean energy that stays in the nucleus; more than its binding energy is not there to give
EVAPORATION_MEV, PROTON_EVAPORATION = 2.4, 0.2  # mean energy of an evaporated nucleon; how often it is a proton
# photons of a nucleus that cools: an exponential that is shifted and cut
PHOTON_LEAST_MEV, PHOTON_SPREAD_MEV, PHOTON_MOST_MEV = 1.0, 2.0, 4.7


class Particle(NamedTuple):
    """A particle: PDG code and four-momentum (px, py, pz, E) [MeV]."""

    pdg: int
    momentum: FourVector

    @property
    def kinetic(self) -> float:
        """Kinetic energy [MeV]."""
        return float(self.momentum[3]) - lar.MASS_MEV[abs(self.pdg)]


def draw_nucleon_pdg(nucleus: Nucleus, rng: np.random.Generator) -> int:
    """A proton or a neutron, as frequent as in the nucleus."""
    return 2212 if rng.random() < nucleus.num_protons / nucleus.num_nucleons else 2112


def draw_nucleon(pdg: int, nucleus: Nucleus, rng: np.random.Generator) -> tuple[FourVector, float]:
    """A bound nucleon of a local Fermi gas: its four-momentum, and the Fermi momentum where it sits [MeV/c]."""
    surface = nucleus.fermi_momentum_mev * rng.random() ** (1 / 3)
    momentum = surface * rng.random() ** (1 / 3) * random_direction(rng)
    vector = on_shell(momentum, lar.MASS_MEV[pdg])
    vector[3] -= nucleus.binding_mev
    return vector, surface


def leave_nucleus(hadrons: list[Particle], nucleus: Nucleus, rng: np.random.Generator) -> list[Particle]:
    """What comes out of the nucleus: pions may be absorbed, exchange charge or scatter; nucleons knock out others.

    Energy is never gained: what is transferred is lost, and each nucleon that is freed costs SEPARATION_MEV.
    """
    waiting, free = list(hadrons), []
    while waiting:
        particle = waiting.pop()
        if abs(particle.pdg) in (111, 211):
            free.extend(_pion(particle, waiting, nucleus, rng))
        elif particle.kinetic > COLLISION_MIN_MEV and rng.random() < NUCLEON_COLLISION:
            waiting.extend(_collide(particle, nucleus, rng))
        elif particle.kinetic > ESCAPE_MIN_MEV:
            free.append(particle)
    return free


def _pion(pion: Particle, waiting: list[Particle], nucleus: Nucleus, rng: np.random.Generator) -> list[Particle]:
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
        scattered, knocked = _collide(pion, nucleus, rng)
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


def _collide(particle: Particle, nucleus: Nucleus, rng: np.random.Generator) -> tuple[Particle, Particle]:
    """A hadron gives part of its kinetic energy to a nucleon at rest: the hadron after, the nucleon."""
    given = particle.kinetic * rng.uniform(0.05, 0.5)
    pdg, struck = particle.pdg, draw_nucleon_pdg(nucleus, rng)
    if pdg in (2112, 2212) and rng.random() < CHARGE_EXCHANGE:
        pdg, struck = struck, pdg
    slope = math.sqrt(given / particle.kinetic)  # equal masses: the knocked one leaves at cos^2 = share
    way = around(particle.momentum[:3], math.sqrt(1 - slope**2), rng)
    after = with_kinetic(way, particle.kinetic - given, lar.MASS_MEV[abs(pdg)])
    way = around(particle.momentum[:3], slope, rng)
    knocked = with_kinetic(way, max(given - SEPARATION_MEV, 0.0), lar.MASS_MEV[struck])
    return Particle(pdg, after), Particle(struck, knocked)


def cool_down(nucleus: Nucleus, rng: np.random.Generator) -> list[Particle]:
    """What a nucleus with a hole gives off: slow nucleons while they can leave, then photons of a few MeV.

    Its energy is part of the binding energy that was taken from the struck nucleon, so none is made.
    """
    energy, particles = min(rng.exponential(EXCITATION_MEV), nucleus.binding_mev), []
    while energy > SEPARATION_MEV + ESCAPE_MIN_MEV:
        kinetic = min(rng.gamma(2.0, EVAPORATION_MEV / 2.0), energy - SEPARATION_MEV)
        energy -= kinetic + SEPARATION_MEV
        pdg = 2212 if rng.random() < PROTON_EVAPORATION else 2112
        particles.append(Particle(pdg, with_kinetic(random_direction(rng), kinetic, lar.MASS_MEV[pdg])))
    while energy > PHOTON_LEAST_MEV:
        one = min(PHOTON_LEAST_MEV + rng.exponential(PHOTON_SPREAD_MEV), PHOTON_MOST_MEV, energy)
        energy -= one
        particles.append(Particle(22, with_kinetic(random_direction(rng), one, 0.0)))
    return particles


def pauli_blocked(nucleons: list[FourVector], fermi_momentum: float) -> bool:
    """Whether a nucleon would end in a state that is taken."""
    return any(math.sqrt(float(vector[:3] @ vector[:3])) < fermi_momentum for vector in nucleons)
