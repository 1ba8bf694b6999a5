"""Neutrino interactions on a nucleus: flavour, mode, energy and final state, with credible kinematics.

Not a neutrino generator for measurements: fractions of modes are settings, form factors are dipoles, and the shapes
are simple. Final states have the particles, multiplicities and energies that a network must tell apart.
Source: PDG "Monte Carlo neutrino generators" and "Neutrino cross section measurements" for what each mode is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nuweave.config.simulate import SimulateConfig
from nuweave.physics import constants as lar
from nuweave.physics.medium import Nucleus
from nuweave.simulate.beams import BEAMS, Beam, draw_energy, draw_neutrino, mode_shares
from nuweave.simulate.kinematics import FourVector, around, decay, mass_of, on_shell, scatter
from nuweave.simulate.nucleus import Particle, cool_down, draw_nucleon, draw_nucleon_pdg, leave_nucleus, pauli_blocked

AXIAL_MASS_MEV = 1000.0
MAX_TRIES = 200  # energies that are tried before a mode is given up
DIS_MIN_MEV = 1700.0  # mass of the hadrons above which the mode is DIS
PROTON, NEUTRON = 2212, 2112

# (is CC, antineutrino, struck nucleon): [(weight, outgoing nucleon, pion, nuance code)]
RESONANCES = {
    (True, False, PROTON): [(9, PROTON, 211, 1003)],
    (True, False, NEUTRON): [(2, PROTON, 111, 1004), (1, NEUTRON, 211, 1005)],
    (True, True, NEUTRON): [(9, NEUTRON, -211, 1010)],
    (True, True, PROTON): [(2, NEUTRON, 111, 1011), (1, PROTON, -211, 1012)],
    (False, False, PROTON): [(2, PROTON, 111, 1006), (1, NEUTRON, 211, 1007)],
    (False, False, NEUTRON): [(2, NEUTRON, 111, 1008), (1, PROTON, -211, 1009)],
    (False, True, PROTON): [(2, PROTON, 111, 1013), (1, NEUTRON, 211, 1014)],
    (False, True, NEUTRON): [(2, NEUTRON, 111, 1015), (1, PROTON, -211, 1016)],
}


class Probe(NamedTuple):
    """A neutrino about to interact: its PDG code, four-momentum [MeV], the current, and what it meets."""

    pdg: int
    momentum: FourVector
    is_cc: bool
    nucleus: Nucleus

    @property
    def lepton_pdg(self) -> int:
        """What leaves: the charged lepton, or the neutrino itself."""
        return self.pdg - int(math.copysign(1, self.pdg)) if self.is_cc else self.pdg

    @property
    def lepton_mass(self) -> float:
        """Mass of what leaves [MeV]."""
        return lar.MASS_MEV[abs(self.lepton_pdg)]


class FinalState(NamedTuple):
    """Lepton and hadrons as they leave the struck nucleon, and LArSoft's code of the reaction (1000 + nuance code)."""

    lepton: FourVector
    hadrons: list[Particle]
    reaction: int


class Interaction(NamedTuple):
    """A neutrino interaction as it leaves the nucleus; the lepton comes first in `final`."""

    neutrino: Particle
    is_cc: bool
    mode: str
    reaction: int
    final: list[Particle]


def draw_interaction(settings: SimulateConfig, nucleus: Nucleus, rng: np.random.Generator) -> Interaction:
    """One interaction: current, flavour and mode by their shares, energy by flux and cross section of the mode.

    A mode that the beam hardly reaches (a low mean energy) gives way to quasi-elastic scattering.
    """
    beam = BEAMS[settings.beam]
    pdg, is_cc = draw_neutrino(settings, beam, rng)
    shares = mode_shares(settings, beam)
    mode = list(shares)[rng.choice(len(shares), p=list(shares.values()))]
    for _ in range(MAX_TRIES):
        interaction = _interact(pdg, is_cc, mode, beam, nucleus, rng)
        if interaction is not None:
            return interaction
    while True:
        interaction = _interact(pdg, is_cc, "QES", beam, nucleus, rng)
        if interaction is not None:
            return interaction


def _interact(
    pdg: int, is_cc: bool, mode: str, beam: Beam, nucleus: Nucleus, rng: np.random.Generator
) -> Interaction | None:
    """Draw an energy and try: None where it is below threshold, or the final state is blocked."""
    energy = draw_energy(beam, mode, rng)
    probe = Probe(pdg, np.array([0.0, 0.0, energy, energy]), is_cc, nucleus)
    state = BUILDERS[mode](probe, rng)
    if state is None or state.lepton[3] > energy:
        return None
    hadrons = state.hadrons
    if mode != "COH":
        hadrons = [*leave_nucleus(hadrons, nucleus, rng), *cool_down(nucleus, rng)]
    final = [Particle(probe.lepton_pdg, state.lepton), *hadrons]
    return Interaction(Particle(pdg, probe.momentum), is_cc, mode, state.reaction, final)


def _quasielastic(probe: Probe, rng: np.random.Generator) -> FinalState | None:
    """Lepton and one nucleon."""
    if probe.is_cc:
        struck, out = (NEUTRON, PROTON) if probe.pdg > 0 else (PROTON, NEUTRON)
    else:
        struck = out = draw_nucleon_pdg(probe.nucleus, rng)
    target, fermi_momentum = draw_nucleon(struck, probe.nucleus, rng)
    scale = AXIAL_MASS_MEV if probe.pdg > 0 else 0.7 * AXIAL_MASS_MEV  # antineutrinos go more forward
    masses = (probe.lepton_mass, lar.MASS_MEV[out])
    pair = scatter(probe.momentum, target, masses=masses, axial_mass=scale, rng=rng)
    if pair is None or pauli_blocked([pair[1]], fermi_momentum):
        return None
    return FinalState(pair[0], [Particle(out, pair[1])], 1001 if probe.is_cc else 1002)


def _two_nucleons(probe: Probe, rng: np.random.Generator) -> FinalState | None:
    """A correlated pair takes the momentum transfer and breaks up; nuance has no code for it, LArSoft's is 1100."""
    first = NEUTRON if rng.random() < 0.5 else PROTON
    if probe.is_cc:
        first = NEUTRON if probe.pdg > 0 else PROTON
    partner = (PROTON if first == NEUTRON else NEUTRON) if rng.random() < 0.8 else first
    out = first if not probe.is_cc else (PROTON if first == NEUTRON else NEUTRON)
    target = draw_nucleon(first, probe.nucleus, rng)[0] + draw_nucleon(partner, probe.nucleus, rng)[0]
    mass = max(mass_of(target), 2 * lar.NEUTRON_MASS_MEV) + rng.exponential(50.0)
    pair = scatter(probe.momentum, target, masses=(probe.lepton_mass, mass), axial_mass=AXIAL_MASS_MEV, rng=rng)
    if pair is None:
        return None
    nucleons = decay(pair[1], [lar.MASS_MEV[out], lar.MASS_MEV[partner]], rng)
    hadrons = [Particle(pdg, vector) for pdg, vector in zip((out, partner), nucleons, strict=True)]
    return FinalState(pair[0], hadrons, 1100)


def _resonance(probe: Probe, rng: np.random.Generator) -> FinalState | None:
    """Delta(1232) of Breit-Wigner mass, which decays to a nucleon and a pion; Clebsch-Gordan weights."""
    keys = [(probe.is_cc, probe.pdg < 0, nucleon) for nucleon in (PROTON, NEUTRON)]
    channels = [(key[2], *channel) for key in keys for channel in RESONANCES[key]]
    num_protons = probe.nucleus.num_protons
    counts = {PROTON: num_protons, NEUTRON: probe.nucleus.num_nucleons - num_protons}
    weights = np.array([counts[struck] * weight for struck, weight, *_ in channels], np.float64)
    struck, _, nucleon, pion, code = channels[rng.choice(len(channels), p=weights / weights.sum())]
    products = [lar.MASS_MEV[nucleon], lar.MASS_MEV[abs(pion)]]
    mass = lar.DELTA_MASS_MEV + 0.5 * lar.DELTA_WIDTH_MEV * math.tan(math.pi * (rng.random() - 0.5))
    if not sum(products) < mass < DIS_MIN_MEV:
        return None
    target, fermi_momentum = draw_nucleon(struck, probe.nucleus, rng)
    pair = scatter(probe.momentum, target, masses=(probe.lepton_mass, mass), axial_mass=AXIAL_MASS_MEV, rng=rng)
    if pair is None:
        return None
    vectors = decay(pair[1], products, rng)
    if pauli_blocked(vectors[:1], fermi_momentum):
        return None
    return FinalState(pair[0], [Particle(nucleon, vectors[0]), Particle(pion, vectors[1])], code)


def _deep_inelastic(probe: Probe, rng: np.random.Generator) -> FinalState | None:
    """Hadrons of mass W > 1.7 GeV: a nucleon and pions, as many as the KNO multiplicity says, charge conserved."""
    struck = draw_nucleon_pdg(probe.nucleus, rng)
    target, _ = draw_nucleon(struck, probe.nucleus, rng)
    largest = mass_of(probe.momentum + target) - probe.lepton_mass
    if largest <= DIS_MIN_MEV:
        return None
    mass = 1 / (1 / DIS_MIN_MEV - rng.random() * (1 / DIS_MIN_MEV - 1 / largest))
    charge = int(struck == PROTON) + (int(math.copysign(1, probe.pdg)) if probe.is_cc else 0)
    pdgs = _jet(mass, charge, rng)
    pair = scatter(probe.momentum, target, masses=(probe.lepton_mass, mass), axial_mass=AXIAL_MASS_MEV, rng=rng)
    if pair is None:
        return None
    vectors = decay(pair[1], [lar.MASS_MEV[abs(pdg)] for pdg in pdgs], rng)
    hadrons = [Particle(pdg, vector) for pdg, vector in zip(pdgs, vectors, strict=True)]
    return FinalState(pair[0], hadrons, 1091 if probe.is_cc else 1092)


def _jet(mass: float, charge: int, rng: np.random.Generator) -> list[int]:
    """PDG codes of a nucleon and pions of given total mass and charge: <n_ch> = 0.4 + 1.4 ln W^2, pi+:pi-:pi0 alike."""
    mean = 1.5 * (0.4 + 1.4 * math.log((mass / 1000) ** 2)) - 1
    while True:
        num_pions = 1 + rng.poisson(max(mean - 1, 0.1))
        nucleon = PROTON if rng.random() < 0.5 else NEUTRON
        pions = [int(pdg) for pdg in rng.choice([211, -211, 111], num_pions)]
        total = int(nucleon == PROTON) + pions.count(211) - pions.count(-211)
        needed = lar.MASS_MEV[nucleon] + num_pions * lar.CHARGED_PION_MASS_MEV
        if total == charge and needed < 0.95 * mass:
            return [nucleon, *pions]


def _coherent(probe: Probe, rng: np.random.Generator) -> FinalState | None:
    """The nucleus stays whole: a forward lepton and a forward pion share the energy."""
    pion = 111 if not probe.is_cc else int(math.copysign(211, probe.pdg))
    mass = lar.MASS_MEV[abs(pion)]
    energy = float(probe.momentum[3])
    largest = 0.7 * (energy - probe.lepton_mass)
    if largest < mass + 20:
        return None
    pion_energy = rng.uniform(mass + 20, largest)
    lepton_momentum = math.sqrt((energy - pion_energy) ** 2 - probe.lepton_mass**2)
    angle = abs(rng.normal(0, min(150.0 / lepton_momentum, 0.5)))
    way = around(np.array([0.0, 0.0, 1.0]), math.cos(angle), rng)
    lepton = on_shell(lepton_momentum * way, probe.lepton_mass)
    transfer = probe.momentum[:3] - lepton[:3]
    pion_way = around(transfer, math.cos(rng.normal(0, 0.15)), rng)
    vector = on_shell(pion_way * math.sqrt(pion_energy**2 - mass**2), mass)
    return FinalState(lepton, [Particle(pion, vector)], 1097 if probe.is_cc else 1096)


BUILDERS: dict[str, Callable[[Probe, np.random.Generator], FinalState | None]] = {
    "QES": _quasielastic,
    "MEC": _two_nucleons,
    "RES": _resonance,
    "DIS": _deep_inelastic,
    "COH": _coherent,
}
