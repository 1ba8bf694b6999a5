"""Muons, pions, protons: how they cross a medium, stop and decay; neutrons and interactions stand in hadrons.py.

Left out: K mesons, and the radiative losses of muons (1 % of the loss at the mean energy of cosmics, 4 GeV).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nuweave.physics import constants as lar
from nuweave.simulate.hadrons import INTERACTION_MIN_MEV, capture_muon, interact, move_neutron, pion_rate, star
from nuweave.simulate.tracks import (
    CAPTURE,
    DECAY,
    MUON,
    PION,
    PROTON,
    TRANSPORTATION,
    Event,
    Matter,
    absorb,
    add_track,
    compiled,
    direction_of,
    distance_to_exit,
    mean_loss,
    step,
    turned,
)

LOSS_SHARE = 0.15  # a step costs at most this share of the kinetic energy
MICHEL_END_MEV = 52.83  # largest energy of a muon decay electron
PION_DECAY_MUON_MEV_C = 29.79  # momentum of the muon in the frame of a pion that decays
PION_CAPTURE_MEV = 100.0  # of a stopped pi-, what nucleons take; photons and recoil take the rest


@compiled
def transport_tracks(event: Event, matter: Matter, rng: np.random.Generator) -> None:
    """Take every track that is no electron or photon to its end; those that it makes join the list."""
    for number in range(len(event.tracks)):
        if number >= event.counts[0]:
            break
        pdg = event.tracks[number].pdg
        kind = abs(pdg)
        if kind in (13, 211, 2212):
            _charged(event, matter, number, rng)
        elif kind == 2112:
            move_neutron(event, matter, number, rng)
        elif kind == 111:
            _neutral_pion(event, number, rng)


@compiled
def _charged(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    track = event.tracks[number]
    hit, life = math.inf, math.inf  # what is left of the way to an interaction, and to a decay in the track's own frame
    if track.species == PION:
        hit = matter.pion_cm * rng.standard_exponential()
        life = lar.SPEED_OF_LIGHT_CM_US * lar.CHARGED_PION_LIFETIME_US * rng.standard_exponential()
    elif track.species == MUON:
        life = lar.SPEED_OF_LIGHT_CM_US * lar.MUON_LIFETIME_US * rng.standard_exponential()
    elif track.species == PROTON:
        hit = matter.nuclear_cm * rng.standard_exponential()
    while track.kinetic > matter.cutoff_mev:
        loss = mean_loss(matter, track.species, track.kinetic, track.mass)
        longest = min(matter.step_cm, LOSS_SHARE * track.kinetic / loss)
        leave = distance_to_exit(matter, track)
        rate = pion_rate(track.kinetic) if track.species == PION else 1.0
        stretch = math.sqrt(track.kinetic * (track.kinetic + 2 * track.mass)) / track.mass
        length = min(longest, leave, hit / rate, life * stretch)
        step(event, matter, number, length, rng)
        hit -= length * rate
        life -= length / stretch
        if length == leave:
            track.end_process = TRANSPORTATION
            return
        if life <= 1e-9:
            _decay(event, matter, number, rng)
            return
        if hit <= 1e-9 and track.kinetic > INTERACTION_MIN_MEV:
            interact(event, number, rng)
            return
        if hit <= 1e-9:
            hit = math.inf
    _stop(event, matter, number, rng)


@compiled
def _stop(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    track = event.tracks[number]
    absorb(event, matter, number, track.kinetic)
    if track.pdg == 211:
        track.t += lar.CHARGED_PION_LIFETIME_US * rng.standard_exponential()
        _decay(event, matter, number, rng)
    elif track.pdg == -211:
        track.end_process = CAPTURE
        star(event, number, PION_CAPTURE_MEV, 20.0, 0.25, rng)
    elif track.pdg == -13:
        track.t += lar.MUON_LIFETIME_US * rng.standard_exponential()
        _decay(event, matter, number, rng)
    elif track.pdg == 13:
        track.t += matter.muon_minus_us * rng.standard_exponential()
        if rng.random() > matter.muon_minus_us / lar.MUON_LIFETIME_US:
            capture_muon(event, number, rng)
        else:
            _decay(event, matter, number, rng)


@compiled
def _decay(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    """The charged product of a pion or muon, at rest or in flight; neutrinos are not followed."""
    track = event.tracks[number]
    track.end_process = DECAY
    cosine, azimuth = 2 * rng.random() - 1, 2 * math.pi * rng.random()
    if track.species == PION:
        pdg = -13 if track.pdg > 0 else 13
        kinetic, cosine = _boosted(track, PION_DECAY_MUON_MEV_C, lar.MUON_MASS_MEV, cosine)
    else:
        pdg = 11 if track.pdg > 0 else -11
        momentum = math.sqrt(michel_energy(rng) ** 2 - lar.ELECTRON_MASS_MEV**2)
        kinetic, cosine = _boosted(track, momentum, lar.ELECTRON_MASS_MEV, cosine)
    if kinetic > matter.cutoff_mev:
        add_track(event, number, pdg, kinetic, turned(direction_of(track), cosine, azimuth), DECAY)
    track.kinetic = 0.0


@compiled
def _boosted(track: Any, momentum: float, mass: float, cosine: float) -> tuple[float, float]:
    """Kinetic energy and cosine to the track's direction of a product that is given in the frame of the track."""
    gamma = 1 + track.kinetic / track.mass
    drag = math.sqrt(gamma**2 - 1)
    energy = math.sqrt(momentum**2 + mass**2)
    along = gamma * momentum * cosine + drag * energy
    across = momentum * math.sqrt(1 - cosine**2)
    kinetic = gamma * energy + drag * momentum * cosine - mass
    return max(kinetic, 0.0), along / (math.sqrt(along**2 + across**2) + 1e-12)


@compiled
def michel_energy(rng: np.random.Generator) -> float:
    """Energy of the electron of a muon decay at rest [MeV]: x^2 (3 - 2x) up to 52.83 MeV. Source: PDG, muon decay."""
    while True:
        x = rng.random()
        if rng.random() < x**2 * (3 - 2 * x) and x * MICHEL_END_MEV > lar.ELECTRON_MASS_MEV:
            return x * MICHEL_END_MEV


@compiled
def _neutral_pion(event: Event, number: int, rng: np.random.Generator) -> None:
    """Two photons, back to back in the frame of the pion."""
    track = event.tracks[number]
    track.end_process = DECAY
    cosine, azimuth = 2 * rng.random() - 1, 2 * math.pi * rng.random()
    for side in (1.0, -1.0):
        energy, angle = _boosted(track, 0.5 * track.mass, 0.0, side * cosine)
        way = turned(direction_of(track), angle, azimuth if side > 0 else azimuth + math.pi)
        add_track(event, number, 22, energy, way, DECAY)
    track.kinetic = 0.0
