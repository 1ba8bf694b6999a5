"""Cosmic particles through the box: where they enter, where they go, how fast, when."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.config.simulate import SimulateConfig
from nuweave.physics import constants as lar

MUON_CHARGE_RATIO = 1.27  # PDG, "Cosmic rays": mu+ / mu-
REYNA_C = (0.2455, 1.288, -0.2555, 0.0209)  # hep-ph/0604145, exponents of the vertical intensity
VERTICAL_GEV = np.geomspace(0.1, 2000.0, 1000)  # momentum times cosine of the zenith angle


# PDG codes that are drawn evenly, range of the kinetic energy [MeV], and k of the spectrum T^-k: round numbers of ours
SOFT = {
    "photons": ((22,), (10.0, 1e4), 2.0),
    "electrons": ((11, -11), (10.0, 1e4), 2.0),
    "neutrons": ((2112,), (10.0, 1e3), 1.0),
    "protons": ((2212,), (50.0, 2e3), 1.0),
}


class Cosmic(NamedTuple):
    """A particle that enters the box: PDG code, kinetic energy [MeV], direction, place (x, y, z in cm, t in us)."""

    pdg: int
    kinetic: float
    direction: tuple[float, float, float]
    place: tuple[float, float, float, float]


def vertical_intensity(momentum_gev: NDArray[np.float64]) -> NDArray[np.float64]:
    """Relative intensity of vertical muons at sea level, by momentum [GeV/c]. Source: Reyna, hep-ph/0604145."""
    log = np.log10(momentum_gev)
    exponent = sum(c * log**power for power, c in enumerate(REYNA_C))
    return np.asarray(momentum_gev**-exponent)


def _vertical_cumulative() -> NDArray[np.float64]:
    intensity = vertical_intensity(VERTICAL_GEV)
    pieces = 0.5 * (intensity[1:] + intensity[:-1]) * np.diff(VERTICAL_GEV)
    return np.asarray(np.concatenate([[0.0], np.cumsum(pieces)]) / pieces.sum())


VERTICAL_CUMULATIVE = _vertical_cumulative()


def draw_cosmics(bounds_cm: NDArray[np.float64], settings: SimulateConfig, rng: np.random.Generator) -> list[Cosmic]:
    """The cosmic particles of an event, Poisson numbers of each kind.

    Args:
        bounds_cm: float64[3, 2], the box; y is up.
        settings: rates and window.
        rng: source of random numbers.
    """
    window = settings.cosmic_window_us
    found = [draw_muon(bounds_cm, window, rng) for _ in range(rng.poisson(settings.cosmic_rate_khz * window * 1e-3))]
    for kind, mean in settings.soft_cosmics.model_dump().items():
        found += [draw_soft(kind, bounds_cm, window, rng) for _ in range(rng.poisson(mean))]
    return found


def draw_muon(bounds_cm: NDArray[np.float64], window_us: float, rng: np.random.Generator) -> Cosmic:
    """One muon: direction by cos^2 of the zenith angle times the area that the box shows it, momentum after Reyna.

    Reyna's intensity at an angle is cos^3(theta) I(p cos(theta)); its integral over p is the cos^2 law, and
    p cos(theta) is distributed alike at all angles.

    Args:
        bounds_cm: float64[3, 2], the box; y is up.
        window_us: length of the time window around t = 0.
        rng: source of random numbers.
    """
    direction, place = _draw_entry(bounds_cm, window_us, rng)
    vertical = float(np.interp(rng.random(), VERTICAL_CUMULATIVE, VERTICAL_GEV))
    momentum = 1000 * vertical / max(-direction[1], 1e-3)
    kinetic = math.hypot(momentum, lar.MUON_MASS_MEV) - lar.MUON_MASS_MEV
    pdg = -13 if rng.random() < MUON_CHARGE_RATIO / (1 + MUON_CHARGE_RATIO) else 13
    return Cosmic(pdg, kinetic, direction, place)


def draw_soft(kind: str, bounds_cm: NDArray[np.float64], window_us: float, rng: np.random.Generator) -> Cosmic:
    """One particle of another kind (a key of SOFT), by the angles of muons and a power law of its energy."""
    direction, place = _draw_entry(bounds_cm, window_us, rng)
    codes, (low, high), power = SOFT[kind]
    share = rng.random()
    if power == 1.0:
        kinetic = low * (high / low) ** share
    else:
        kinetic = (low ** (1 - power) + share * (high ** (1 - power) - low ** (1 - power))) ** (1 / (1 - power))
    return Cosmic(int(rng.choice(codes)), float(kinetic), direction, place)


def _draw_entry(
    bounds_cm: NDArray[np.float64], window_us: float, rng: np.random.Generator
) -> tuple[tuple[float, float, float], tuple[float, float, float, float]]:
    """Direction of a particle, and where and when it enters."""
    direction, face = _draw_face(bounds_cm[:, 1] - bounds_cm[:, 0], rng)
    place = rng.uniform(bounds_cm[:, 0], bounds_cm[:, 1])
    place[face] = bounds_cm[face, 0] if direction[face] > 0 else bounds_cm[face, 1]
    time = window_us * (rng.random() - 0.5)
    return direction, (float(place[0]), float(place[1]), float(place[2]), float(time))


def _draw_face(size: NDArray[np.float64], rng: np.random.Generator) -> tuple[tuple[float, float, float], int]:
    """Direction of a particle and the axis of the face by which it enters."""
    areas = np.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
    while True:
        cosine = rng.random() ** (1 / 3)
        azimuth = 2 * math.pi * rng.random()
        sine = math.sqrt(1 - cosine**2)
        direction = (sine * math.cos(azimuth), -cosine, sine * math.sin(azimuth))
        shown = areas * np.abs(direction)
        if rng.random() * math.sqrt(areas @ areas) < shown.sum():
            return direction, int(rng.choice(3, p=shown / shown.sum()))
