"""Electrons, positrons, photons: the electromagnetic cascade, particle by particle, down to the cutoff.

Bremsstrahlung above the cutoff, pair production, Compton scattering, photoelectric effect, ionisation with delta rays
and multiple scattering; shapes over energy are those of argon. So a photon leaves a gap before it shows, and an
electron begins as one track.
"""

from __future__ import annotations

import math

import numpy as np

from nuweave.physics import constants as lar
from nuweave.simulate.tracks import (
    ANNIHILATION,
    BREMSSTRAHLUNG,
    COMPTON,
    CONVERSION,
    PHOTOELECTRIC,
    TRANSPORTATION,
    Event,
    Matter,
    absorb,
    add_track,
    compiled,
    direction_of,
    distance_to_exit,
    isotropic,
    mean_loss,
    move,
    step,
    turned,
)

LOSS_SHARE = 0.25  # a step costs at most this share of the kinetic energy
LARGEST_ANGLE = 0.3  # mean scattering angle that a step may have [rad], unless it is shorter than SHORTEST_STEP_CM
SHORTEST_STEP_CM = 0.1
PHOTON_MIN_MEV = 0.1  # a photon below is absorbed where it is
THOMSON_CM2 = 6.6524587e-25
MASS = lar.ELECTRON_MASS_MEV


@compiled
def shower_tracks(event: Event, matter: Matter, rng: np.random.Generator) -> None:
    """Take every electron, positron and photon to its end; those that it makes join the list."""
    for number in range(len(event.tracks)):
        if number >= event.counts[0]:
            break
        pdg = event.tracks[number].pdg
        if abs(pdg) == 11:
            _electron(event, matter, number, rng)
        elif pdg == 22:
            _photon(event, matter, number, rng)


@compiled
def radiation_share(energy: float) -> float:
    """Bremsstrahlung relative to its high-energy limit, about as in the ESTAR tables for argon."""
    return 1 / (1 + math.pow(3.0 / energy, 0.75))


@compiled
def _electron(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    track = event.tracks[number]
    cut = matter.cutoff_mev
    while track.kinetic > cut:
        kinetic = track.kinetic
        rate = radiation_share(kinetic) / matter.radiation_cm
        ratio = cut / kinetic
        radiate = rng.standard_exponential() / (
            rate * (4 / 3 * (math.log(1 / ratio) - 1 + ratio) + 0.5 * (1 - ratio**2)) + 1e-9
        )
        momentum_beta = kinetic * (kinetic + 2 * MASS) / (kinetic + MASS)
        bend = matter.radiation_cm * (LARGEST_ANGLE * momentum_beta / lar.HIGHLAND_MEV) ** 2
        loss = mean_loss(matter, track.species, kinetic, MASS)
        longest = min(matter.step_cm, max(bend, SHORTEST_STEP_CM), LOSS_SHARE * kinetic / loss)
        leave = distance_to_exit(matter, track)
        length = min(longest, leave, radiate)
        step(event, matter, number, length, rng)
        if length == leave:
            track.end_process = TRANSPORTATION
            return
        if length == radiate and track.kinetic > cut:
            _radiate(event, matter, number, rng)
    absorb(event, matter, number, track.kinetic)
    if track.pdg == -11:
        track.end_process = ANNIHILATION
        way = isotropic(rng)
        add_track(event, number, 22, MASS, way, ANNIHILATION)
        add_track(event, number, 22, MASS, (-way[0], -way[1], -way[2]), ANNIHILATION)


@compiled
def _radiate(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    """Emit a bremsstrahlung photon above the cutoff: (4/3 (1 - y) + y^2) / y. Source: PDG, bremsstrahlung."""
    track = event.tracks[number]
    low = matter.cutoff_mev / track.kinetic
    while True:
        share = low ** rng.random()
        if rng.random() < 0.75 * (4 / 3 * (1 - share) + share**2):
            break
    energy = share * track.kinetic
    angle = min(MASS / track.kinetic * math.sqrt(-2 * math.log(1 - rng.random())), 1.0)
    way = turned(direction_of(track), math.cos(angle), 2 * math.pi * rng.random())
    add_track(event, number, 22, energy, way, BREMSSTRAHLUNG)
    track.kinetic -= energy


@compiled
def pair_share(energy: float) -> float:
    """Pair production relative to its high-energy limit, 7/9 a radiation length: as XCOM's table for argon (5 %)."""
    if energy <= 2 * MASS:
        return 0.0
    return (1 - 2 * MASS / energy) / (1 + math.pow(28.0 / energy, 0.8))


@compiled
def compton_cm2(energy: float) -> float:
    """Cross section of Compton scattering an electron. Source: Klein and Nishina."""
    k = energy / MASS
    log = math.log(1 + 2 * k)
    bracket = (1 + k) / k**2 * (2 * (1 + k) / (1 + 2 * k) - log / k) + log / (2 * k) - (1 + 3 * k) / (1 + 2 * k) ** 2
    return 0.75 * THOMSON_CM2 * bracket


@compiled
def _photon(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    track = event.tracks[number]
    while track.kinetic > PHOTON_MIN_MEV:
        energy = track.kinetic
        pair = 7 / 9 / matter.radiation_cm * pair_share(energy)
        compton = matter.density_g_cm3 * matter.electrons_per_g * compton_cm2(energy)
        total = pair + compton + matter.density_g_cm3 * matter.photoelectric_cm2_g * (0.1 / energy) ** 3
        length = rng.standard_exponential() / total
        leave = distance_to_exit(matter, track)
        move(event, matter, number, min(length, leave), 0.0)
        if length >= leave:
            track.end_process = TRANSPORTATION
            return
        kind = rng.random() * total
        if kind < pair:
            _convert(event, number, rng)
            return
        if kind > pair + compton:
            break
        _compton(event, matter, number, rng)
    track.end_process = PHOTOELECTRIC
    _release(event, matter, number, track.kinetic, direction_of(track), PHOTOELECTRIC)
    track.kinetic = 0.0


@compiled
def _release(
    event: Event, matter: Matter, number: int, kinetic: float, way: tuple[float, float, float], process: int
) -> None:
    """An electron set free by a photon: a track of its own, or a deposit of the photon where it is below the cutoff."""
    if kinetic > matter.cutoff_mev:
        add_track(event, number, 11, kinetic, way, process)
        return
    track = event.tracks[number]
    kept, way_on = track.kinetic, direction_of(track)
    track.ux, track.uy, track.uz = way
    absorb(event, matter, number, kinetic)
    track.kinetic = kept
    track.ux, track.uy, track.uz = way_on


@compiled
def _convert(event: Event, number: int, rng: np.random.Generator) -> None:
    """Electron and positron: shares 1 - 4/3 x (1 - x), angles about m/E. Source: PDG, pair production."""
    track = event.tracks[number]
    track.end_process = CONVERSION
    while True:
        share = rng.random()
        if rng.random() < 1 - 4 / 3 * share * (1 - share):
            break
    energy = track.kinetic - 2 * MASS
    azimuth = 2 * math.pi * rng.random()
    for pdg, kinetic in ((11, share * energy), (-11, (1 - share) * energy)):
        angle = min(MASS / (kinetic + MASS) * math.sqrt(-2 * math.log(1 - rng.random())), 1.0)
        way = turned(direction_of(track), math.cos(angle), azimuth if pdg > 0 else azimuth + math.pi)
        add_track(event, number, pdg, kinetic, way, CONVERSION)
    track.kinetic = 0.0


@compiled
def _compton(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    """Scatter off an electron: the share of energy kept is drawn from Klein and Nishina's formula."""
    track = event.tracks[number]
    energy = track.kinetic
    k = energy / MASS
    lowest = 1 / (1 + 2 * k)
    while True:
        kept = lowest + (1 - lowest) * rng.random() if k < 1 else lowest ** rng.random()
        cosine = 1 - (1 / kept - 1) / k
        weight = (kept + 1 / kept - (1 - cosine**2)) * (1.0 if k < 1 else kept)
        top = (lowest + 1 / lowest) if k < 1 else 2.0
        if rng.random() * top < weight:
            break
    azimuth = 2 * math.pi * rng.random()
    given = energy * (1 - kept)
    momentum = math.sqrt(given * (given + 2 * MASS)) + 1e-12
    back = (energy - energy * kept * cosine) / momentum
    knocked = turned(direction_of(track), back, azimuth + math.pi)
    scattered = turned(direction_of(track), cosine, azimuth)
    _release(event, matter, number, given, knocked, COMPTON)
    track.kinetic = energy * kept
    track.ux, track.uy, track.uz = scattered
