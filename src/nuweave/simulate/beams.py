"""Neutrino beams: spectrum, flavours and modes of the interactions that they make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nuweave.config.simulate import FlavourWeights, SimulateConfig

NC_OVER_CC = 0.40  # cross section of neutral over charged currents, about that of nu on isoscalar nuclei above 1 GeV
ANTI_OVER_NEUTRINO = 0.40  # cross section of antineutrinos over that of neutrinos, about a third to a half at 1-3 GeV
# energy [GeV] at which the cross section of a mode has half of its final value; infinity: it rises with the energy
HALF_RISE_GEV = {"QES": 0.4, "MEC": 0.6, "RES": 1.0, "DIS": np.inf, "COH": 2.0}


class Beam(NamedTuple):
    """A beam.

    Attributes:
        shape, scale_gev: of the gamma distribution of energies in the flux: it peaks at (shape - 1) scale.
        energy_gev: least and largest energy.
        flux: share of each neutrino, by PDG code.
        modes: share of each mode of interaction.
    """

    shape: float
    scale_gev: float
    energy_gev: tuple[float, float]
    flux: dict[int, float]
    modes: dict[str, float]


BEAMS = {
    # peak 0.65 GeV, mean 0.80; flavours of MiniBooNE, Phys. Rev. D 79 (2009) 072002, table XI; modes as GENIE has them
    "bnb": Beam(
        shape=5.33,
        scale_gev=0.15,
        energy_gev=(0.2, 3.0),
        flux={14: 0.936, -14: 0.058, 12: 0.005, -12: 0.001},
        modes={"QES": 0.52, "MEC": 0.13, "RES": 0.28, "DIS": 0.06, "COH": 0.01},
    ),
    # peak 2.5 GeV, mean 2.9; flavours and modes are ours, the flavours about those of DUNE's design reports
    "lbnf": Beam(
        shape=6.5,
        scale_gev=0.45,
        energy_gev=(0.5, 8.0),
        flux={14: 0.92, -14: 0.065, 12: 0.012, -12: 0.003},
        modes={"QES": 0.20, "MEC": 0.08, "RES": 0.40, "DIS": 0.31, "COH": 0.01},
    ),
}


def draw_neutrino(settings: SimulateConfig, beam: Beam, rng: np.random.Generator) -> tuple[int, bool]:
    """PDG code of a neutrino that interacts, and whether by a charged current: by weight, or as the flux has it."""
    weights = settings.flavours
    if isinstance(weights, FlavourWeights):
        shares = np.array([weights.nue_cc, weights.numu_cc, 0.5 * weights.nc, 0.5 * weights.nc])
        pdg, is_cc = [(12, True), (14, True), (12, False), (14, False)][rng.choice(4, p=shares / shares.sum())]
        return (-pdg if rng.random() < settings.antineutrino_fraction else pdg), is_cc
    codes = list(beam.flux)
    shares = np.array([share * (ANTI_OVER_NEUTRINO if pdg < 0 else 1.0) for pdg, share in beam.flux.items()])
    return codes[rng.choice(len(codes), p=shares / shares.sum())], bool(rng.random() > NC_OVER_CC / (1 + NC_OVER_CC))


def mode_shares(settings: SimulateConfig, beam: Beam) -> dict[str, float]:
    """Share of each mode: by weight, or those of the beam."""
    weights = beam.modes
    if settings.modes != "beam":
        weights = {name.upper(): weight for name, weight in settings.modes.model_dump().items()}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def draw_energy(beam: Beam, mode: str, rng: np.random.Generator) -> float:
    """Energy of a neutrino that interacts by a mode [MeV]: the flux times how its cross section rises."""
    low, high = beam.energy_gev
    half = HALF_RISE_GEV[mode]
    while True:
        energy = rng.gamma(beam.shape, beam.scale_gev)
        rise = energy / high if half == np.inf else energy / (energy + half)
        if low < energy < high and rng.random() < rise:
            return float(1000.0 * energy)
