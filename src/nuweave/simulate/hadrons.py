"""What hadrons do to nuclei on their way: inelastic scattering, stars, captures, and the wanderings of neutrons.

Final states are drawn from simple shapes: enough for pictures with the right kinks, stars and blips, not a hadronic
physics list. Every nucleus that was hit cools by photons of a few MeV, which show as blips around the event.
"""

from __future__ import annotations

import math

import numpy as np

from nuweave.simulate.tracks import (
    CAPTURE,
    INELASTIC,
    PION,
    TRANSPORTATION,
    Event,
    Matter,
    add_track,
    compiled,
    direction_of,
    distance_to_exit,
    isotropic,
    move,
    turn,
    turned,
)

INTERACTION_MIN_MEV = 30.0  # charged hadrons below stop rather than interact
SEPARATION_MEV = 8.0  # energy that it takes to free a nucleon
# photons of a nucleus that cools: an exponential, shifted, and cut at the hardest of a capture on argon
PHOTON_LEAST_MEV, PHOTON_SPREAD_MEV, PHOTON_MOST_MEV = 1.0, 2.0, 4.7
RESONANCE_MEV, RESONANCE_WIDTH_MEV = 180.0, 100.0  # kinetic energy of a pion that makes a Delta, and how wide that is
EVAPORATION_MEV = 1.2  # temperature of nuclei that emit neutrons
CASCADE_MIN_MEV = 25.0  # neutrons above knock nucleons out, those below excite levels
SLOW_MEV, THERMAL_MEV = 0.2, 1e-6
NEUTRON_CAPTURE_US = 250.0  # mean time from thermal to captured


@compiled
def pion_rate(kinetic: float) -> float:
    """Interactions of a charged pion a length, relative to those of a fast one: few when slow, 1.6 at the Delta.

    Source: shape of pi+ absorption and inelastic scattering on calcium, Ashery et al., Phys. Rev. C 23 (1981) 2173.
    """
    slow = kinetic**2 / (kinetic**2 + 3600.0)
    return slow * (1 + 0.7 * math.exp(-(((kinetic - RESONANCE_MEV) / RESONANCE_WIDTH_MEV) ** 2)))


@compiled
def interact(event: Event, number: int, rng: np.random.Generator) -> None:
    """A pion or proton meets a nucleus: it goes on with less energy, is absorbed, or (pion) turns neutral.

    Absorption takes 0.4 of the pions at the Delta and 0.1 of fast ones, charge exchange a tenth (Ashery).
    """
    track = event.tracks[number]
    track.end_process = INELASTIC
    energy = track.kinetic
    absorbed = 0.1 + 0.3 * math.exp(-(((energy - RESONANCE_MEV) / (1.5 * RESONANCE_WIDTH_MEV)) ** 2))
    kind = rng.random()
    if track.species == PION and kind < absorbed:
        star(event, number, energy + 100.0, 60.0, 0.5, rng)
        return
    kept = energy * (0.4 + 0.6 * rng.random())
    pdg = 111 if track.species == PION and kind < absorbed + 0.1 else track.pdg
    spread = min(150.0 / math.sqrt(kept * (kept + 2 * track.mass)), 1.0)
    way = turned(direction_of(track), math.cos(2 * spread * math.sqrt(rng.random())), 2 * math.pi * rng.random())
    add_track(event, number, pdg, kept, way, INELASTIC)
    star(event, number, energy - kept, 30.0, 0.5, rng)
    track.kinetic = 0.0


@compiled
def star(event: Event, number: int, energy: float, mean: float, proton_share: float, rng: np.random.Generator) -> None:
    """Nucleons that a nucleus emits: exponential energies, in all directions; photons take what is left."""
    while energy > SEPARATION_MEV + PHOTON_LEAST_MEV:
        kinetic = min(mean * rng.standard_exponential(), energy - SEPARATION_MEV)
        energy -= kinetic + SEPARATION_MEV
        if kinetic > 1.0:
            add_track(event, number, 2212 if rng.random() < proton_share else 2112, kinetic, isotropic(rng), INELASTIC)
    cool(event, number, energy, INELASTIC, rng)


@compiled
def cool(event: Event, number: int, energy: float, process: int, rng: np.random.Generator) -> None:
    """A nucleus gives up its excitation by photons, one after another."""
    while energy > PHOTON_LEAST_MEV:
        one = min(PHOTON_LEAST_MEV + PHOTON_SPREAD_MEV * rng.standard_exponential(), PHOTON_MOST_MEV, energy)
        energy -= one
        add_track(event, number, 22, one, isotropic(rng), process)


@compiled
def capture_muon(event: Event, number: int, rng: np.random.Generator) -> None:
    """A nucleus takes a stopped mu-: a neutron in most cases, some of them fast, and photons.

    Source: multiplicities and spectra about as in Measday, Phys. Rep. 354 (2001) 243, for nuclei of this size.
    """
    event.tracks[number].end_process = CAPTURE
    kind = rng.random()
    num_neutrons = 0 if kind < 0.35 else (1 if kind < 0.85 else 2)
    for _ in range(num_neutrons):
        kinetic = EVAPORATION_MEV * (rng.standard_exponential() + rng.standard_exponential())
        if rng.random() < 0.1:
            kinetic = 12.0 * rng.standard_exponential()
        add_track(event, number, 2112, kinetic, isotropic(rng), CAPTURE)
    cool(event, number, min(4.0 * rng.standard_exponential(), 15.0), CAPTURE, rng)


@compiled
def move_neutron(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    """A neutron bounces until it leaves the box or is captured; fast ones excite and break up nuclei on the way."""
    track = event.tracks[number]
    while track.kinetic > THERMAL_MEV:
        kinetic = track.kinetic
        elastic, inelastic = 0.0, 0.0
        if kinetic < CASCADE_MIN_MEV:
            elastic = (0.5 if kinetic < SLOW_MEV else 1.0) / matter.neutron_elastic_cm
        if kinetic > matter.first_level_mev:
            inelastic = (1 - matter.first_level_mev / kinetic) / matter.neutron_inelastic_cm
        length = rng.standard_exponential() / (elastic + inelastic)
        leave = distance_to_exit(matter, track)
        move(event, matter, number, min(length, leave), 0.0)
        if length >= leave:
            track.end_process = TRANSPORTATION
            return
        if rng.random() * (elastic + inelastic) < elastic:
            _bounce(event, matter, number, rng)
        elif kinetic > CASCADE_MIN_MEV:
            given = kinetic * (0.2 + 0.6 * rng.random())
            star(event, number, given, 0.4 * given, 0.4, rng)
            track.kinetic -= given
            turn(track, 1 - 0.6 * rng.random(), rng)
        else:
            given = min(matter.first_level_mev + PHOTON_SPREAD_MEV * rng.standard_exponential(), kinetic)
            cool(event, number, given, INELASTIC, rng)
            track.kinetic -= given
            turn(track, 2 * rng.random() - 1, rng)
    track.end_process = CAPTURE
    track.t += NEUTRON_CAPTURE_US * rng.standard_exponential()
    track.kinetic = 0.0
    cool(event, number, matter.capture_mev, CAPTURE, rng)


@compiled
def _bounce(event: Event, matter: Matter, number: int, rng: np.random.Generator) -> None:
    """Elastic scattering, isotropic in the common frame; only a proton that is hit leaves something to be seen."""
    track = event.tracks[number]
    partner, cosine = matter.neutron_partner, 2 * rng.random() - 1
    square = partner**2 + 2 * partner * cosine + 1
    given = track.kinetic * (1 - square / (partner + 1) ** 2)
    if partner == 1 and given > matter.cutoff_mev:
        slope = math.sqrt(given / track.kinetic)
        way = turned(direction_of(track), slope, 2 * math.pi * rng.random())
        add_track(event, number, 2212, given, way, INELASTIC)
    track.kinetic -= given
    turn(track, (1 + partner * cosine) / math.sqrt(max(square, 1e-12)), rng)
