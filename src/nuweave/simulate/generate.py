"""Simulate events, each from its own seed, and write them as edep-sim HDF5."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nuweave.config.simulate import SimulateConfig
from nuweave.physics.medium import Medium, Nucleus
from nuweave.simulate.assemble import Vertex, assemble, number_tracks
from nuweave.simulate.cosmics import draw_cosmics, draw_muon
from nuweave.simulate.interactions import Interaction, draw_interaction
from nuweave.simulate.showers import shower_tracks
from nuweave.simulate.tracks import Event, Matter, add_primary, make_matter, new_event
from nuweave.simulate.transport import transport_tracks
from nuweave.store.edepsim import EdepSimEvents, EdepSimWriter

GENERATOR = "nuweave"
VERTEX_MARGIN_CM = 10.0  # neutrinos interact at least this far from the walls (less in a box smaller than 40 cm)
NUM_TRACKS, NUM_DEPOSITS = 4096, 65536  # room for a common event; an event that needs more is run again with more


class Box(Protocol):
    """What the generator needs of a detector: name, active volume float64[3, 2] cm (x drift, y up, z beam), medium."""

    @property
    def name(self) -> str: ...
    @property
    def medium(self) -> Medium: ...
    @property
    def bounds_cm(self) -> NDArray[np.float64]: ...


class Neutrino(NamedTuple):
    """What a neutrino did, and where: x, y, z [cm], t [us]."""

    interaction: Interaction
    place: tuple[float, float, float, float]


def simulate_file(
    path: Path, *, settings: SimulateConfig, detector: Box, seed: int, file: int, neutrino: Neutrino | None = None
) -> None:
    """Write a file of simulated events.

    Args:
        path: the file to make.
        settings: the generator's.
        detector: the box that is filled with its medium.
        seed: of the run; with `file` and the number of an event it decides everything in the event.
        file: number of the file in the run.
        neutrino: that of every event; each has its own if None.
    """
    attributes: dict[str, str | int] = {
        "generator": GENERATOR,
        "generator_seed": f"{seed}/{file}",  # files of one run are independent streams: a split may separate them
        "file": file,
        "detector": detector.name,
    }
    num_tracks = 0
    with EdepSimWriter(path, attributes) as writer:
        for event in range(settings.events_per_file):
            tables = simulate_event(
                event, settings=settings, detector=detector, seed=seed, file=file, neutrino=neutrino
            )
            number_tracks(tables, first=num_tracks)
            writer.append(tables)
            num_tracks += len(tables.trajectories)


def simulate_event(
    event_id: int,
    *,
    settings: SimulateConfig,
    detector: Box,
    seed: int,
    file: int,
    neutrino: Neutrino | None = None,
) -> EdepSimEvents:
    """One event, the same whatever other events are made; its neutrino is drawn if None is given."""
    matter = make_matter(
        detector.medium,
        bounds_cm=detector.bounds_cm,
        step_cm=settings.step_cm,
        cutoff_mev=settings.electron_cutoff_mev,
    )
    room = 1
    while True:
        rng = np.random.default_rng(np.random.SeedSequence([seed, file, event_id]))
        event = new_event(room * NUM_TRACKS, room * NUM_DEPOSITS)
        vertices = _fill(event, matter, detector.medium.nucleus, settings, rng, neutrino=neutrino)
        if event.counts[0] <= len(event.tracks) and event.counts[1] <= len(event.deposits):
            return assemble(event_id, event, vertices, detector.medium.nucleus)
        room *= 4


def _fill(
    event: Event,
    matter: Matter,
    nucleus: Nucleus,
    settings: SimulateConfig,
    rng: np.random.Generator,
    *,
    neutrino: Neutrino | None,
) -> list[Vertex]:
    """Draw cosmic particles, and a neutrino where none is given; take all that comes of them to its end."""
    vertices = []
    cosmics = draw_cosmics(matter.bounds, settings, rng)
    if neutrino is None and rng.random() < settings.neutrino_fraction:
        neutrino = _draw_neutrino(matter, nucleus, settings, rng)
    if neutrino is not None:
        vertices.append(_add_neutrino(event, neutrino))
    elif not cosmics:
        cosmics = [draw_muon(matter.bounds, settings.cosmic_window_us, rng)]
    for number, cosmic in enumerate(cosmics, start=1):
        vertices.append(Vertex(number, cosmic.place, int(event.counts[0])))
        add_primary(event, number, cosmic.pdg, cosmic.kinetic, cosmic.direction, cosmic.place)
    transport_tracks(event, matter, rng)
    shower_tracks(event, matter, rng)
    return vertices


def _draw_neutrino(matter: Matter, nucleus: Nucleus, settings: SimulateConfig, rng: np.random.Generator) -> Neutrino:
    """An interaction anywhere in the volume, but not near its walls."""
    interaction = draw_interaction(settings, nucleus, rng)
    low, high = matter.bounds[:, 0], matter.bounds[:, 1]
    margin = np.minimum(VERTEX_MARGIN_CM, (high - low) / 4)
    x, y, z = rng.uniform(low + margin, high - margin)
    return Neutrino(interaction, (float(x), float(y), float(z), 0.0))


def _add_neutrino(event: Event, neutrino: Neutrino) -> Vertex:
    vertex = Vertex(0, neutrino.place, int(event.counts[0]), neutrino.interaction)
    for particle in neutrino.interaction.final:
        if abs(particle.pdg) in (12, 14):
            continue
        momentum = particle.momentum[:3] / math.sqrt(float(particle.momentum[:3] @ particle.momentum[:3]))
        direction = (float(momentum[0]), float(momentum[1]), float(momentum[2]))
        add_primary(event, 0, particle.pdg, float(particle.kinetic), direction, neutrino.place)
    return vertex
