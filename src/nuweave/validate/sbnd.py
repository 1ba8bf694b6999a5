"""Simulated SBND images beside real ones: occupancy, values, clusters, and where the vertex is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.config import UserError
from nuweave.config.convert import ConvertConfig
from nuweave.config.simulate import FlavourWeights, SimulateConfig
from nuweave.convert import convert_file
from nuweave.convert.event import Event, Images
from nuweave.convert.sources import open_source
from nuweave.physics.detectors import Detector, get_detector
from nuweave.physics.truth import SiteLabel
from nuweave.simulate import simulate_file
from nuweave.validate.images import LABELLED, QUANTILES, Key, figure_table
from nuweave.validate.record import Findings, Histogram, Row, between, error_of_mean

# as the reference events: of the Booster beam, nue and numu by charged currents (two and three of the five events)
BOOSTER = SimulateConfig(
    beam="bnb", modes="beam", flavours=FlavourWeights(nue_cc=2, numu_cc=3, nc=0), antineutrino_fraction=0.0
)
FULL = ConvertConfig(downsample=1)
TOLERANCE = 0.20  # of the mean of the real events, where their range is narrower
VERTEX_SITES = 1.5
VALUE_BINS = np.round(np.geomspace(5.0, 1000.0, 31), 2)
NO_REFERENCE, NO_LIMITS = "not measured: give --reference", "no limits: give --reference"
LABELS = tuple(label.name.lower() for label in SiteLabel)
WORDS = {name: f"{100 * share:.0f} % quantile of values" for name, share in QUANTILES.items()} | {
    "sites": "sites",
    "clusters": "clusters of more than 100 sites",
}
UNITS = dict.fromkeys(QUANTILES, "ADC") | {"sites": "", "clusters": ""}
COMPARED = [
    *((figure, label, plane) for figure in ("sites", *QUANTILES) for label in LABELS for plane in range(3)),
    *(("clusters", LABELLED, plane) for plane in range(3)),
]
# ranges over the five events of CosmicTagger's example data (arXiv:2012.01301), of which `reference` may hold fewer
FIVE_EVENTS: dict[tuple[str, str], dict[int, tuple[float, float]]] = {
    ("sites", "background"): {0: (13e3, 15e3), 1: (13e3, 15e3), 2: (0.5e3, 2.4e3)},
    ("sites", "cosmic"): {0: (2e3, 10e3), 1: (2e3, 10e3), 2: (1.8e3, 8.7e3)},
    ("sites", "neutrino"): {0: (0.3e3, 3.8e3), 1: (0.3e3, 3.8e3), 2: (0.36e3, 3.8e3)},
    ("clusters", LABELLED): dict.fromkeys(range(3), (3, 12)),
}


def check_sbnd(folder: Path, *, reference: Path | None, num_events: int, seed: int) -> Findings:
    """Figures of simulated images, between those of the real events; both vertices against their projection.

    Args:
        folder: for the simulated files.
        reference: larcv3 file of real SBND events; without it there are no limits.
        num_events: to simulate, and to read of the reference at most.
        seed: of the events.
    Raises:
        StoreError: the reference cannot be used.
        UserError: its images are not SBND's.
    """
    detector = get_detector("sbnd")
    simulated = read_events(make_sample(folder, detector, num_events=num_events, seed=seed), detector, num_events)
    real = None if reference is None else read_events(reference, detector, num_events)
    tables = figure_table(images_of(simulated)), None if real is None else figure_table(images_of(real))
    rows = [*compare(*tables), vertex_row(simulated, detector, "simulated")]
    return Findings([*rows, vertex_row(real, detector, "real")], value_figures(simulated, real))


def make_sample(folder: Path, detector: Detector, *, num_events: int, seed: int) -> Path:
    """Simulate and convert events; gives the shard."""
    raw, shard = folder / "sbnd_raw.h5", folder / "sbnd.h5"
    settings = BOOSTER.model_copy(update={"events_per_file": num_events})
    simulate_file(raw, settings=settings, detector=detector, seed=seed, file=0)
    convert_file(raw, shard, settings=FULL, detector=detector, run=0)
    return shard


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


def compare(simulated: pd.DataFrame, real: pd.DataFrame | None) -> list[Row]:
    """A row for each figure: the mean of the simulated events, between limits that real events set.

    Args:
        simulated, real: a row an event, see `figure_table`.
    """
    rows = []
    for figure, label, plane in COMPARED:
        key: Key = (figure, plane, label)
        ours = simulated[key].dropna().to_numpy(np.float64)
        theirs = np.zeros(0) if real is None else real[key].dropna().to_numpy(np.float64)
        low, high = limits(theirs, FIVE_EVENTS.get((figure, label), {}).get(plane, ()))
        quantity = f"{WORDS[figure]}, {label}, plane {plane}"
        mean, note = (float(ours.mean()), error_of_mean(ours)) if len(ours) else (None, "no such site")
        note = note if high is not None else f"{note}; {NO_LIMITS}"
        rows.append(between("images", quantity, mean, low, high, UNITS[figure], note))
    return rows


def limits(real: NDArray[np.float64], known: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """The range of real events, and at least 20 % on either side of their mean; None where there are none.

    Args:
        real: a figure of each event.
        known: the range of events that are not at hand.
    """
    mean = ((1 - TOLERANCE) * real.mean(), (1 + TOLERANCE) * real.mean()) if len(real) else ()
    all_of_them = [*known, *real, *mean]
    return (float(min(all_of_them)), float(max(all_of_them))) if all_of_them else (None, None)


def vertex_row(events: Sequence[Event] | None, detector: Detector, name: str) -> Row:
    """How far the middle of the stored vertex lies from the projection of the true place, at most, along any axis.

    The time of the neutrino is not used: images are aligned to it.
    """
    off = np.concatenate([np.zeros(0), *(vertex_offsets(event, detector) for event in events or ())])
    found = f"largest of {len(off)} projections" if len(off) else "no event has a vertex in view"
    value, note = float(off.max()) if len(off) else None, NO_REFERENCE if events is None else found
    return between("vertex", f"{name} vertex / its projection", value, 0.0, VERTEX_SITES, "sites", note)


def vertex_offsets(event: Event, detector: Detector) -> NDArray[np.float64]:
    """float64[projections], largest distance along an axis, in sites; none where the event has no vertex in view."""
    images = cast(Images, event.content)
    if event.vertex is None or images.vertex is None:
        return np.zeros(0)
    projected = detector.project(event.vertex.place_cm[None], np.zeros(1))
    return np.array(
        [
            np.abs(cluster.image.coords.mean(axis=0) - place[0]).max()
            for cluster, place in zip(images.vertex, projected, strict=True)
            if len(cluster.image.ids)
        ]
    )


def value_figures(simulated: Sequence[Event], real: Sequence[Event] | None) -> list[Histogram]:
    """Sites an event by value, for each plane and label."""
    ours, theirs = value_counts(simulated), None if real is None else value_counts(real)
    return [
        Histogram(
            name=f"sbnd_values_plane_{plane}",
            label=label,
            quantity="value of a site",
            unit="ADC",
            per="event",
            bins=VALUE_BINS.tolist(),
            counts=ours[plane, number].tolist(),
            reference=None if theirs is None else theirs[plane, number].tolist(),
        )
        for plane in range(len(ours))
        for number, label in enumerate(LABELS)
    ]


def value_counts(events: Sequence[Event]) -> NDArray[np.float64]:
    """float64[planes, labels, bins], mean number of sites an event; larger values fall into the last bin."""
    total = np.array(
        [
            [
                [
                    np.histogram(np.minimum(image.values[label.values == one], VALUE_BINS[-1]), VALUE_BINS)[0]
                    for one in SiteLabel
                ]
                for image, label in zip(images.values, images.labels or (), strict=True)
            ]
            for images in images_of(events)
        ]
    )
    return np.asarray(total.mean(axis=0), np.float64)
