"""SBND events to compare: simulated ones of the beam, real ones, and simulated copies of the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from nuweave.config import UserError
from nuweave.config.convert import ConvertConfig
from nuweave.config.simulate import FlavourWeights, SimulateConfig
from nuweave.convert import convert_file
from nuweave.convert.event import Event, Images
from nuweave.convert.sources import open_source
from nuweave.physics.constants import MASS_MEV
from nuweave.physics.detectors import Detector
from nuweave.physics.truth import Mode
from nuweave.simulate import Neutrino, simulate_file
from nuweave.simulate.interactions import Interaction
from nuweave.simulate.kinematics import on_shell
from nuweave.simulate.nucleus import Particle

# as the reference events: of the Booster beam, nue and numu by charged currents (two and three of the five events)
BOOSTER = SimulateConfig(
    beam="bnb", modes="beam", flavours=FlavourWeights(nue_cc=2, numu_cc=3, nc=0), antineutrino_fraction=0.0
)
FULL = ConvertConfig(downsample=1)
MODES = {Mode.QE: "QES", Mode.RES: "RES", Mode.DIS: "DIS", Mode.OTHER: "MEC"}
CHARGED_LEPTONS = (11, 13)
MEV_PER_GEV = 1000.0


def make_sample(
    folder: Path, detector: Detector, *, num_events: int, seed: int, file: int = 0, neutrino: Neutrino | None = None
) -> list[Event]:
    """Simulate and convert events of the beam, or of one neutrino with cosmics that differ.

    Args:
        folder: for the files.
        detector: whose images are made.
        num_events: to make.
        seed, file: decide what is drawn.
        neutrino: that of every event; the beam's if None.
    """
    raw, shard = (folder / f"{detector.name}_{file}{suffix}.h5" for suffix in ("_raw", ""))
    settings = BOOSTER.model_copy(update={"events_per_file": num_events})
    simulate_file(raw, settings=settings, detector=detector, seed=seed, file=file, neutrino=neutrino)
    convert_file(raw, shard, settings=FULL, detector=detector, run=file)
    return read_events(shard, detector, num_events)


def make_copies(
    folder: Path, detector: Detector, real: Sequence[Event], *, num_copies: int, seed: int
) -> list[list[Event]]:
    """Simulate the final state of each real event that has one again and again, at its place, with other cosmics.

    Args:
        folder: for the files.
        detector: whose images are made.
        real: events with particles.
        num_copies: of each event.
        seed: of all that is drawn.
    Returns:
        the copies of each event.
    """
    return [
        make_sample(folder, detector, num_events=num_copies, seed=seed, file=1 + number, neutrino=neutrino)
        for number, neutrino in enumerate(map(final_state, real))
        if neutrino is not None
    ]


def final_state(event: Event) -> Neutrino | None:
    """What an event's truth says about its neutrino, at time 0; None where it has none.

    Particles that the generator does not know are left out: remnants of nuclei, GENIE's binding energy.
    """
    if event.vertex is None or event.particles is None or event.mode is None:
        return None
    particles = [
        Particle(int(row["pdg"]), on_shell(MEV_PER_GEV * np.array([row["px"], row["py"], row["pz"]]), MASS_MEV[kind]))
        for row in event.particles
        if (kind := abs(int(row["pdg"]))) in MASS_MEV
    ]
    if len(particles) < 2:
        return None
    neutrino, *final = particles
    is_cc, reaction = abs(final[0].pdg) in CHARGED_LEPTONS, int(event.particles["interaction_type"][0])
    x, y, z = map(float, event.vertex.place_cm)
    return Neutrino(Interaction(neutrino, is_cc, MODES[event.mode], reaction, final), (x, y, z, 0.0))


def read_events(path: Path, detector: Detector, num_events: int) -> list[Event]:
    """The first events of a larcv3 file that has images of the detector.

    Raises:
        StoreError: the file cannot be used.
        UserError: it has no event, no labels, or images of other sizes.
    """
    with closing(open_source("larcv3", path)) as source:
        events = [source.event(entry) for entry in range(min(len(source), num_events))]
    shapes = [tuple(image.shape for image in images.values) for images in images_of(events)]
    if not events or set(shapes) != {detector.shapes} or any(images.labels is None for images in images_of(events)):
        raise UserError(
            f"{path}: must hold events with labelled images of {detector.name} ({len(detector.shapes)} times "
            f"{'x'.join(map(str, detector.shapes[0]))} sites); give another file"
        )
    return events


def images_of(events: Sequence[Event]) -> Iterator[Images]:
    """The images of each event that has them."""
    yield from (event.content for event in events if isinstance(event.content, Images))
