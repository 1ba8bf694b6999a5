"""Muons, pions, protons, neutrons: how they cross liquid argon, stop, decay and interact.

Cross sections are energy-independent and final states are drawn from simple shapes: enough for pictures with the right
stopping points, kinks and stars, not a hadronic physics list. Decay in flight and K mesons are left out.
"""

from __future__ import annotations

import math

import numpy as np

from nuweave.physics import constants as lar
from nuweave.simulate.tracks import (
    CAPTURE,
    DECAY,
    INELASTIC,
    PION,
    PROTON,
    TRANSPORTATION,
    Argon,
    Event,
    absorb,
    add_track,
    compiled,
    direction_of,
    distance_to_exit,
    isotropic,
    mean_loss,
    move,
    step,
    turn,
    turned,
)

LOSS_SHARE = 0.15  # a step costs at most this share of the kinetic energy
INTERACTION_MIN_MEV = 30.0  # hadrons below stop rather than interact
SEPARATION_MEV = 8.0  # energy that it takes to free a nucleon
MICHEL_END_MEV = 52.83  # largest energy of a muon decay electron
PION_DECAY_MUON_MEV = 4.12  # kinetic energy of the muon of a pion that decays at rest
CAPTURE_ENERGY_MEV = 100.0  # of a stopped pi-, what nucleons take; photons and recoil take the rest
NEUTRON_PATH_CM = 40.0
NEUTRON_MIN_MEV = 5.0
NUCLEAR_PHOTON_MEV = 2.0


@compiled
def transport_tracks(event: Event, argon: Argon, rng: np.random.Generator) -> None:
    """Take every track that is no electron or photon to its end; those that it makes join the list."""
    for number in range(len(event.tracks)):
        if number >= event.counts[0]:
            break
        pdg = event.tracks[number].pdg
        kind = abs(pdg)
        if kind in (13, 211, 2212):
            _charged(event, argon, number, rng)
        elif kind == 2112:
            _neutron(event, argon, number, rng)
        elif kind == 111:
            _neutral_pion(event, number, rng)


@compiled
def _charged(event: Event, argon: Argon, number: int, rng: np.random.Generator) -> None:
    track = event.tracks[number]
    path = math.inf
    if track.species == PION:
        path = lar.PION_INTERACTION_LENGTH_CM
    elif track.species == PROTON:
        path = lar.NUCLEAR_INTERACTION_LENGTH_CM
    hit = path * rng.standard_exponential()
    while track.kinetic > argon.cutoff_mev:
        loss = mean_loss(argon, track.species, track.kinetic, track.mass)
        longest = min(argon.step_cm, LOSS_SHARE * track.kinetic / loss)
        leave = distance_to_exit(argon, track)
        length = min(longest, leave, hit)
        step(event, argon, number, length, rng)
        hit -= length
        if length == leave:
            track.end_process = TRANSPORTATION
            return
        if hit <= 0 and track.kinetic > INTERACTION_MIN_MEV:
            _interact(event, number, rng)
            return
        if hit <= 0:
            hit = path
    _stop(event, argon, number, rng)


@compiled
def _stop(event: Event, argon: Argon, number: int, rng: np.random.Generator) -> None:
    track = event.tracks[number]
    absorb(event, argon, number, track.kinetic)
    if track.pdg == 2212:
        return
    if track.pdg == 211:
        track.end_process = DECAY
        track.t += lar.CHARGED_PION_LIFETIME_US * rng.standard_exponential()
        add_track(event, number, -13, PION_DECAY_MUON_MEV, isotropic(rng), DECAY)
    elif track.pdg == -211:
        track.end_process = CAPTURE
        _star(event, number, CAPTURE_ENERGY_MEV, 20.0, 0.25, rng)
    elif track.pdg == 13 and rng.random() < lar.MUON_MINUS_ARGON_CAPTURE:
        track.end_process = CAPTURE
    else:
        track.end_process = DECAY
        lifetime = lar.MUON_LIFETIME_US if track.pdg == -13 else lar.MUON_MINUS_ARGON_LIFETIME_US
        track.t += lifetime * rng.standard_exponential()
        kinetic = michel_energy(rng) - lar.ELECTRON_MASS_MEV
        if kinetic > argon.cutoff_mev:
            add_track(event, number, 11 if track.pdg == 13 else -11, kinetic, isotropic(rng), DECAY)


@compiled
def michel_energy(rng: np.random.Generator) -> float:
    """Energy of the electron of a muon decay at rest [MeV]: x^2 (3 - 2x) up to 52.83 MeV. Source: PDG, muon decay."""
    while True:
        x = rng.random()
        if rng.random() < x**2 * (3 - 2 * x) and x * MICHEL_END_MEV > lar.ELECTRON_MASS_MEV:
            return x * MICHEL_END_MEV


@compiled
def _star(event: Event, number: int, energy: float, mean: float, proton_share: float, rng: np.random.Generator) -> None:
    """Nucleons that a nucleus emits: exponential energies, in all directions, until the energy is spent."""
    while energy > SEPARATION_MEV:
        kinetic = min(mean * rng.standard_exponential(), energy - SEPARATION_MEV)
        energy -= kinetic + SEPARATION_MEV
        if kinetic > 1.0:
            add_track(event, number, 2212 if rng.random() < proton_share else 2112, kinetic, isotropic(rng), INELASTIC)


@compiled
def _interact(event: Event, number: int, rng: np.random.Generator) -> None:
    """A pion or proton meets a nucleus: it goes on with less energy, is absorbed, or (pion) turns neutral."""
    track = event.tracks[number]
    track.end_process = INELASTIC
    energy = track.kinetic
    kind = rng.random()
    if track.species == PION and kind < 0.3:
        _star(event, number, energy + CAPTURE_ENERGY_MEV, 60.0, 0.5, rng)
        return
    kept = energy * (0.4 + 0.6 * rng.random())
    pdg = 111 if track.species == PION and kind < 0.4 else track.pdg
    spread = min(150.0 / math.sqrt(kept * (kept + 2 * track.mass)), 1.0)
    way = turned(direction_of(track), math.cos(2 * spread * math.sqrt(rng.random())), 2 * math.pi * rng.random())
    add_track(event, number, pdg, kept, way, INELASTIC)
    _star(event, number, energy - kept, 30.0, 0.5, rng)
    track.kinetic = 0.0


@compiled
def _neutron(event: Event, argon: Argon, number: int, rng: np.random.Generator) -> None:
    """A neutron knocks out a few protons and excites a few nuclei before it is too slow to be seen."""
    track = event.tracks[number]
    while track.kinetic > NEUTRON_MIN_MEV:
        length = NEUTRON_PATH_CM * rng.standard_exponential()
        leave = distance_to_exit(argon, track)
        move(event, argon, number, min(length, leave), 0.0)
        if length >= leave:
            track.end_process = TRANSPORTATION
            return
        given = 0.5 * rng.random() * track.kinetic
        kind = rng.random()
        if kind < 0.3 and given - SEPARATION_MEV > argon.cutoff_mev:
            way = turned(direction_of(track), rng.random(), 2 * math.pi * rng.random())
            add_track(event, number, 2212, given - SEPARATION_MEV, way, INELASTIC)
        elif kind < 0.7:
            add_track(event, number, 22, min(given, NUCLEAR_PHOTON_MEV), isotropic(rng), INELASTIC)
        track.kinetic -= given
        turn(track, 2 * math.sqrt(rng.random()) - 1, rng)
    track.end_process = CAPTURE


@compiled
def _neutral_pion(event: Event, number: int, rng: np.random.Generator) -> None:
    """Two photons, back to back in the frame of the pion."""
    track = event.tracks[number]
    track.end_process = DECAY
    gamma = 1 + track.kinetic / track.mass
    beta = math.sqrt(1 - 1 / gamma**2)
    cosine, azimuth = 2 * rng.random() - 1, 2 * math.pi * rng.random()
    for side in (1.0, -1.0):
        energy = 0.5 * track.mass * gamma * (1 + beta * side * cosine)
        angle = (side * cosine + beta) / (1 + beta * side * cosine)
        way = turned(direction_of(track), angle, azimuth if side > 0 else azimuth + math.pi)
        add_track(event, number, 22, energy, way, DECAY)
    track.kinetic = 0.0
