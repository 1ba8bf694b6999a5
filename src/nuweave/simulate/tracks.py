"""Particles on their way through the medium: the records that the compiled loops share, and how one step is made.

All loops work on one growing list of tracks: a track that makes another appends it, and it is its turn later.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.physics import constants as lar
from nuweave.physics.compiled import compiler
from nuweave.physics.energy_loss import collision_scale_mev_cm, dedx_mev_cm
from nuweave.physics.medium import Medium

Direction = tuple[float, float, float]
compiled = compiler(
    *(Path(__file__).with_name(f"{name}.py") for name in ("tracks", "hadrons", "transport", "showers")), lar.__file__
)

# Geant4's process numbers: below 100 electromagnetic (type 2), 111 to 199 hadronic (4), 201 decay (6)
PRIMARY, IONISATION, BREMSSTRAHLUNG, ANNIHILATION, PHOTOELECTRIC, COMPTON, CONVERSION = 0, 2, 3, 5, 12, 13, 14
INELASTIC, CAPTURE, DECAY = 121, 151, 201  # capture: of neutrons, and of mu- and pi- at rest
TRANSPORTATION = 91  # Geant4: left the volume

HARD_COLLISION_MEV = 0.05  # collisions above are drawn one by one (the Landau tail), those below are one Gaussian
ELECTRON, MUON, PION, PROTON = 0, 1, 2, 3  # rows of the loss table
LOSS_LOW, LOSS_HIGH, LOSS_STEPS = math.log(1e-5), math.log(1e7), 40  # grid of ln(T/m); points a unit of it

TRACK = np.dtype(
    [("pdg", "i8"), ("parent", "i8"), ("vertex", "i8"), ("species", "i8")]
    + [("start_process", "i8"), ("end_process", "i8"), ("mass", "f8"), ("length", "f8"), ("deposit", "f8")]
    + [(f"{name}{end}", "f8") for end in ("", "_start") for name in ("x", "y", "z", "t", "ux", "uy", "uz", "kinetic")],
)
"""A particle: where it is now, where it started (`_start`); cm, us, MeV; (ux, uy, uz) is its direction."""

DEPOSIT = np.dtype(
    [("track", "i8"), ("energy", "f8")] + [(f"{name}_{end}", "f8") for end in ("start", "end") for name in "xyzt"]
)
"""A straight piece of a track and the energy left on it [MeV]."""


class Event(NamedTuple):
    """An event being simulated: room for tracks and deposits, and how many there are.

    A count above the room says that the room was too small; what did not fit is lost and the event must be run again.
    """

    tracks: NDArray[Any]
    deposits: NDArray[Any]
    counts: NDArray[np.int64]


class Matter(NamedTuple):
    """The medium as the compiled loops take it, and how finely it is crossed.

    Attributes:
        bounds: float64[3, 2], the box that is filled [cm].
        loss: float64[4, points], mean loss by soft collisions of each species over ln(T/m) [MeV/cm].
        step_cm, cutoff_mev: the longest step, and the kinetic energy below which a particle is absorbed.
        xi_mev_cm: scale of the collisions.
        radiation_cm: radiation length.
        density_g_cm3, electrons_per_g, photoelectric_cm2_g: for photons.
        nuclear_cm, pion_cm: mean paths to an inelastic interaction of protons and fast pions.
        muon_minus_us: lifetime of stopped mu-.
        neutron_elastic_cm, neutron_inelastic_cm, neutron_partner, first_level_mev, capture_mev: as in NeutronPath.
    """

    bounds: NDArray[np.float64]
    loss: NDArray[np.float64]
    step_cm: float
    cutoff_mev: float
    xi_mev_cm: float
    radiation_cm: float
    density_g_cm3: float
    electrons_per_g: float
    photoelectric_cm2_g: float
    nuclear_cm: float
    pion_cm: float
    muon_minus_us: float
    neutron_elastic_cm: float
    neutron_inelastic_cm: float
    neutron_partner: float
    first_level_mev: float
    capture_mev: float


def new_event(num_tracks: int, num_deposits: int) -> Event:
    """Room for an event."""
    return Event(np.zeros(num_tracks, TRACK), np.zeros(num_deposits, DEPOSIT), np.zeros(2, np.int64))


def make_matter(medium: Medium, *, bounds_cm: NDArray[np.float64], step_cm: float, cutoff_mev: float) -> Matter:
    """The medium with the mean loss by collisions below HARD_COLLISION_MEV tabulated."""
    ratio = np.exp(np.linspace(LOSS_LOW, LOSS_HIGH, int((LOSS_HIGH - LOSS_LOW) * LOSS_STEPS) + 1))
    masses = (lar.ELECTRON_MASS_MEV, lar.MUON_MASS_MEV, lar.CHARGED_PION_MASS_MEV, lar.PROTON_MASS_MEV)
    rows = []
    for species, mass in enumerate(masses):
        largest = ratio * mass / 2 if species == ELECTRON else None
        rows.append(dedx_mev_cm(ratio * mass, mass, medium=medium, cut_mev=HARD_COLLISION_MEV, largest_mev=largest))
    return Matter(
        bounds=np.ascontiguousarray(bounds_cm, np.float64),
        loss=np.stack(rows),
        step_cm=float(step_cm),
        cutoff_mev=float(cutoff_mev),
        xi_mev_cm=collision_scale_mev_cm(medium),
        radiation_cm=medium.radiation_length_cm,
        density_g_cm3=medium.density_g_cm3,
        electrons_per_g=lar.AVOGADRO_MOL * medium.z_over_a_mol_g,
        photoelectric_cm2_g=medium.photoelectric_cm2_g,
        nuclear_cm=medium.nuclear_length_cm,
        pion_cm=medium.pion_length_cm,
        muon_minus_us=medium.muon_minus_lifetime_us,
        neutron_elastic_cm=medium.neutron.elastic_cm,
        neutron_inelastic_cm=medium.neutron.inelastic_cm,
        neutron_partner=float(medium.neutron.partner_nucleons),
        first_level_mev=medium.neutron.first_level_mev,
        capture_mev=medium.neutron.capture_mev,
    )


@compiled
def mean_loss(matter: Matter, species: int, kinetic: float, mass: float) -> float:
    """Mean loss by soft collisions [MeV/cm], from the table."""
    place = (math.log(kinetic / mass) - LOSS_LOW) * LOSS_STEPS
    place = min(max(place, 0.0), matter.loss.shape[1] - 1.001)
    low = int(place)
    row = matter.loss[species]
    return float(row[low] + (place - low) * (row[low + 1] - row[low]))


@compiled
def isotropic(rng: np.random.Generator) -> Direction:
    """A direction with no preference."""
    cosine, azimuth = 2 * rng.random() - 1, 2 * math.pi * rng.random()
    sine = math.sqrt(1 - cosine**2)
    return sine * math.cos(azimuth), sine * math.sin(azimuth), cosine


@compiled
def turned(direction: Direction, cosine: float, azimuth: float) -> Direction:
    """The direction at an angle (its cosine) and azimuth to another."""
    ux, uy, uz = direction
    cosine = min(max(cosine, -1.0), 1.0)
    sine = math.sqrt(1 - cosine**2)
    across, along = sine * math.cos(azimuth), sine * math.sin(azimuth)
    flat = math.sqrt(ux**2 + uy**2)
    if flat < 1e-9:
        return across, along, math.copysign(cosine, cosine * uz)
    x = cosine * ux + (across * ux * uz - along * uy) / flat
    y = cosine * uy + (across * uy * uz + along * ux) / flat
    z = cosine * uz - across * flat
    norm = math.sqrt(x**2 + y**2 + z**2)
    return x / norm, y / norm, z / norm


@compiled
def direction_of(track: Any) -> Direction:
    """Where a track is going."""
    return track.ux, track.uy, track.uz


@compiled
def turn(track: Any, cosine: float, rng: np.random.Generator) -> None:
    """Deflect a track by an angle, at a random azimuth."""
    track.ux, track.uy, track.uz = turned(direction_of(track), cosine, 2 * math.pi * rng.random())


@compiled
def add_track(event: Event, parent: int, pdg: int, kinetic: float, direction: Direction, process: int) -> None:
    """Append a particle that starts where its parent is now."""
    new = event.counts[0]
    event.counts[0] += 1
    if new >= len(event.tracks):
        return
    track, source = event.tracks[new], event.tracks[parent]
    kind = abs(pdg)
    track.pdg, track.parent, track.vertex = pdg, parent, source.vertex
    track.species, track.mass = ELECTRON, 0.0
    if kind == 11:
        track.mass = lar.ELECTRON_MASS_MEV
    elif kind == 13:
        track.species, track.mass = MUON, lar.MUON_MASS_MEV
    elif kind == 211:
        track.species, track.mass = PION, lar.CHARGED_PION_MASS_MEV
    elif kind == 2212:
        track.species, track.mass = PROTON, lar.PROTON_MASS_MEV
    elif kind == 2112:
        track.mass = lar.NEUTRON_MASS_MEV
    elif kind == 111:
        track.mass = lar.NEUTRAL_PION_MASS_MEV
    track.start_process, track.end_process, track.length, track.deposit = process, PRIMARY, 0.0, 0.0
    track.x, track.y, track.z, track.t, track.kinetic = source.x, source.y, source.z, source.t, kinetic
    track.x_start, track.y_start, track.z_start, track.t_start = source.x, source.y, source.z, source.t
    track.ux, track.uy, track.uz = direction
    track.ux_start, track.uy_start, track.uz_start = direction
    track.kinetic_start = kinetic


@compiled
def add_primary(
    event: Event, vertex: int, pdg: int, kinetic: float, direction: Direction, place: tuple[float, float, float, float]
) -> None:
    """Append a particle without a parent at a place (x, y, z, t)."""
    new = event.counts[0]
    if new < len(event.tracks):
        track = event.tracks[new]
        track.vertex = vertex
        track.x, track.y, track.z, track.t = place
        add_track(event, new, pdg, kinetic, direction, PRIMARY)
        track.parent = -1
    else:
        event.counts[0] += 1


@compiled
def distance_to_exit(matter: Matter, track: Any) -> float:
    """Distance along its direction at which a track leaves the volume [cm]; 0 where it is outside."""
    nearest = math.inf
    for axis, (place, slope) in enumerate(((track.x, track.ux), (track.y, track.uy), (track.z, track.uz))):
        low, high = matter.bounds[axis]
        if slope > 0:
            nearest = min(nearest, (high - place) / slope)
        elif slope < 0:
            nearest = min(nearest, (low - place) / slope)
        if place < low or place > high:
            return 0.0
    return max(nearest, 0.0)


@compiled
def move(event: Event, matter: Matter, number: int, length: float, energy: float) -> None:
    """Carry a track straight on and leave energy on the way (none: no deposit is noted)."""
    track = event.tracks[number]
    x, y, z, t = track.x, track.y, track.z, track.t
    gamma = 1 + track.kinetic / track.mass if track.mass > 0 else math.inf
    beta = math.sqrt(1 - 1 / gamma**2)
    track.x = min(max(x + length * track.ux, matter.bounds[0, 0]), matter.bounds[0, 1])
    track.y = min(max(y + length * track.uy, matter.bounds[1, 0]), matter.bounds[1, 1])
    track.z = min(max(z + length * track.uz, matter.bounds[2, 0]), matter.bounds[2, 1])
    track.t = t + length / (max(beta, 1e-3) * lar.SPEED_OF_LIGHT_CM_US)
    track.length += length
    if energy <= 0:
        return
    track.deposit += energy
    new = event.counts[1]
    event.counts[1] += 1
    if new >= len(event.deposits):
        return
    deposit = event.deposits[new]
    deposit.track, deposit.energy = number, energy
    deposit.x_start, deposit.y_start, deposit.z_start, deposit.t_start = x, y, z, t
    deposit.x_end, deposit.y_end, deposit.z_end, deposit.t_end = track.x, track.y, track.z, track.t


@compiled
def absorb(event: Event, matter: Matter, number: int, energy: float) -> None:
    """Stop a charged track: what is left goes into about half its range (it does not go straight)."""
    track = event.tracks[number]
    loss = mean_loss(matter, track.species, max(energy, 0.01), max(track.mass, lar.ELECTRON_MASS_MEV))
    length = min(0.5 * energy / loss, matter.step_cm, distance_to_exit(matter, track))
    move(event, matter, number, length, energy)
    track.kinetic = 0.0


@compiled
def step(event: Event, matter: Matter, number: int, length: float, rng: np.random.Generator) -> None:
    """One straight step of a charged particle: ionisation, delta rays, energy left behind, multiple scattering.

    Source: PDG, "Passage of particles through matter": restricted loss, energetic knock-on electrons, and Highland's
        angle without its logarithm, which belongs to the whole path: so steps add up to Highland's angle at one X0.
    """
    track = event.tracks[number]
    kinetic, mass = track.kinetic, track.mass
    gamma = 1 + kinetic / mass
    beta2 = 1 - 1 / gamma**2
    ratio = lar.ELECTRON_MASS_MEV / mass
    largest = 2 * lar.ELECTRON_MASS_MEV * (gamma**2 - 1) / (1 + 2 * gamma * ratio + ratio**2)
    if track.species == ELECTRON:
        largest = kinetic / 2
    xi = matter.xi_mev_cm / beta2 * length

    cut = min(HARD_COLLISION_MEV, largest)
    middle = max(kinetic - 0.5 * mean_loss(matter, track.species, kinetic, mass) * length, 0.5 * kinetic)
    local = mean_loss(matter, track.species, middle, mass) * length
    local += math.sqrt(xi * cut * (1 - 0.5 * beta2)) * rng.standard_normal()
    local = min(max(local, 0.0), kinetic)
    left = kinetic - local
    if largest > HARD_COLLISION_MEV:
        span = 1 / HARD_COLLISION_MEV - 1 / largest
        for _ in range(rng.poisson(xi * span)):
            transfer = 1 / (1 / HARD_COLLISION_MEV - rng.random() * span)
            if rng.random() > 1 - beta2 * transfer / largest or transfer > left:
                continue
            left -= transfer
            if transfer < matter.cutoff_mev:
                local += transfer
                continue
            momentum = math.sqrt(kinetic * (kinetic + 2 * mass))
            knocked = math.sqrt(transfer * (transfer + 2 * lar.ELECTRON_MASS_MEV))
            cosine = transfer * (kinetic + mass + lar.ELECTRON_MASS_MEV) / (knocked * momentum)
            way = turned(direction_of(track), cosine, 2 * math.pi * rng.random())
            add_track(event, number, 11, transfer, way, IONISATION)
    move(event, matter, number, length, local)
    track.kinetic = left
    if left > 0:
        momentum_beta = left * (left + 2 * mass) / (left + mass)
        width = lar.HIGHLAND_MEV / momentum_beta * math.sqrt(length / matter.radiation_cm)
        angle = width * math.sqrt(-2 * math.log(1 - rng.random()))
        turn(track, math.cos(min(angle, math.pi)), rng)
