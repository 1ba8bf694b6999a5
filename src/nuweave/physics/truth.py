"""Truth labels: what a stored site is, and which classes an event belongs to."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.config.convert import TruthConfig
from nuweave.physics.constants import MASS_MEV

NUE, NUMU, NUTAU = 12, 14, 16
PROTON, CHARGED_PION, NEUTRAL_PION = 2212, 211, 111
NEUTRAL_CURRENT = 1  # `current_type` of the neutrino; 0 is charged current


class Mode(IntEnum):
    """How a neutrino scatters, as NOvA's classes tell it apart; OTHER is any known mode that is none of the three."""

    QE = 0
    RES = 1
    DIS = 2
    OTHER = 3


# LArSoft's interaction types (simb::MCNeutrino): 1000 + nuance code; the codes that are not here (1000, 1093, 1094)
# name no mode. Pairs of nucleons (MEC, 1100) and coherent pions are OTHER, as in the CVN code of NOvA and DUNE.
MODE_OF_CODE: dict[int, Mode] = {
    **dict.fromkeys((1001, 1002, 1095), Mode.QE),
    **dict.fromkeys(range(1003, 1091), Mode.RES),
    **dict.fromkeys((1091, 1092), Mode.DIS),
    **dict.fromkeys((1096, 1097, 1098, 1099, 1100), Mode.OTHER),
}


class SiteLabel(IntEnum):
    """What deposited most energy in a site; of sites that are merged the largest label stays."""

    BACKGROUND = 0
    COSMIC = 1
    NEUTRINO = 2


class SemanticLabel(IntEnum):
    """What kind of particle deposited most energy in a site, numbered as larcv's ShapeType_t; NONE: no deposit there.

    SHOWER: electrons, positrons and photons of showers. TRACK: everything else that ionises. MICHEL: electrons of muons
    that decay. DELTA: electrons knocked out by a track. LOW_ENERGY: electrons that are no part of the three, too short
    to have a shape (Compton and de-excitation photons, neutron captures).
    """

    SHOWER = 0
    TRACK = 1
    MICHEL = 2
    DELTA = 3
    LOW_ENERGY = 4
    NONE = 5


HEAD_CLASSES: dict[str, tuple[str, ...]] = {
    "neutrino": ("nue CC", "numu CC", "NC"),
    "protons": ("0 protons", "1 proton", "2+ protons"),
    "charged_pions": ("0 charged pions", "1+ charged pions"),
    "neutral_pions": ("0 neutral pions", "1+ neutral pions"),
    "interaction": (
        *(f"{flavour} CC {mode}" for flavour in ("numu", "nue", "nutau") for mode in ("QE", "RES", "DIS", "other")),
        "NC",
    ),
}
PRODUCT_OF_HEAD: dict[str, str] = {
    "neutrino": "particle_neutID",
    "protons": "particle_protID",
    "charged_pions": "particle_cpiID",
    "neutral_pions": "particle_npiID",
    "interaction": "particle_cvnID",
}


def event_classes(particles: NDArray[Any], settings: TruthConfig, *, mode: Mode | None = None) -> dict[str, int]:
    """The class of an event for every head that its truth decides.

    Args:
        particles: rows with `pdg`, `current_type` (0 CC, 1 NC) and `energy_init` (total, GeV): the neutrino first, then
            its final state. No rows: the event has no neutrino.
        settings: thresholds and policies.
        mode: of the interaction; None where it is not known: then only NC events have a class of the interaction.
    Returns:
        head -> class index; a head is missing where the event has no such class.
    Source: class definitions of arXiv:1912.10133, kinetic energy must exceed the threshold; those of the interaction of
        arXiv:1604.01444.
    """
    if len(particles) == 0 or abs(int(particles["pdg"][0])) not in (NUE, NUMU, NUTAU):
        return {}
    final = particles[1:]
    protons = _num_above(final, PROTON, settings.proton_min_mev)
    charged = _num_above(final, CHARGED_PION, settings.charged_pion_min_mev)
    neutral = _num_above(final, NEUTRAL_PION, settings.neutral_pion_min_mev)
    classes = {"protons": min(protons, 2), "charged_pions": min(charged, 1), "neutral_pions": min(neutral, 1)}
    pdg, current_type = int(particles["pdg"][0]), int(particles["current_type"][0])
    flavour = _neutrino_class(pdg, current_type, settings)
    interaction = _interaction_class(pdg, current_type, mode, settings)
    classes |= {} if interaction is None else {"interaction": interaction}
    return classes if flavour is None else {"neutrino": flavour} | classes


def _neutrino_class(pdg: int, current_type: int, settings: TruthConfig) -> int | None:
    """0 nue CC, 1 numu CC, 2 NC; None where the policy leaves the event without a class."""
    if current_type not in (0, NEUTRAL_CURRENT) or (pdg < 0 and settings.antineutrinos == "unlabelled"):
        return None
    if current_type == NEUTRAL_CURRENT:
        return 2
    if abs(pdg) == NUTAU and settings.nutau == "unlabelled":
        return None
    return 0 if abs(pdg) == NUE else 1


def _interaction_class(pdg: int, current_type: int, mode: Mode | None, settings: TruthConfig) -> int | None:
    """Flavour of a CC event, then its mode; 12 is NC. None where the mode is unknown or the policy leaves it out."""
    if current_type not in (0, NEUTRAL_CURRENT) or (pdg < 0 and settings.antineutrinos == "unlabelled"):
        return None
    if current_type == NEUTRAL_CURRENT:
        return len(HEAD_CLASSES["interaction"]) - 1
    return None if mode is None else len(Mode) * (NUMU, NUE, NUTAU).index(abs(pdg)) + mode


def _num_above(final: NDArray[Any], pdg: int, min_mev: float) -> int:
    """Particles (of either sign for charged pions; antiprotons do not count) above a kinetic energy."""
    kind = np.abs(final["pdg"]) if pdg == CHARGED_PION else final["pdg"]
    return int(np.sum((kind == pdg) & (final["energy_init"] * 1000.0 - MASS_MEV[pdg] > min_mev)))
