"""Simulated SBND images beside real ones: occupancy, values, clusters, and where the vertex is.

What sites of neutrinos look like hangs on the final states, and a few real events are no sample of a beam's. So their
own final states are simulated, and held against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nuweave.convert.event import Event, Images
from nuweave.physics.detectors import Detector, get_detector
from nuweave.physics.truth import SiteLabel
from nuweave.validate.images import LABELLED, QUANTILES, Key, figure_table
from nuweave.validate.record import Findings, Histogram, Row, between, error_of_mean, plus_minus
from nuweave.validate.samples import images_of, make_copies, make_sample, read_events

TOLERANCE = 0.20  # of the mean of the real events, where their range is narrower
VERTEX_SITES = 1.5
VALUE_BINS = np.round(np.geomspace(5.0, 1000.0, 31), 2)
LEAST_COPIES = 2  # of a real event, for an error
NO_REFERENCE, NO_LIMITS = "not measured: give --reference", "no limits: give --reference"
NO_FINAL_STATE = "no reference event has a final state"
REPEATED, BEAM = "final states of the reference events", "BNB mix, not the reference's events"
LABELS = tuple(label.name.lower() for label in SiteLabel)
BACKGROUND, COSMIC, NEUTRINO = LABELS
WORDS = {name: f"{100 * share:.0f} % quantile of values" for name, share in QUANTILES.items()} | {
    "sites": "sites",
    "clusters": "clusters of more than 100 sites",
}
UNITS = dict.fromkeys(QUANTILES, "ADC") | {"sites": "", "clusters": ""}
PLANES = range(3)
COMPARED: list[Key] = [
    *((figure, plane, label) for figure in ("sites", *QUANTILES) for label in (BACKGROUND, COSMIC) for plane in PLANES),
    *(("clusters", plane, LABELLED) for plane in PLANES),
]
OF_FINAL_STATES: list[Key] = [(figure, plane, NEUTRINO) for figure in ("sites", *QUANTILES) for plane in PLANES]
OF_BEAM: list[Key] = [(figure, plane, NEUTRINO) for figure in ("sites", "value_50") for plane in PLANES]
# ranges over the five events of CosmicTagger's example data (arXiv:2012.01301), of which `reference` may hold fewer
FIVE_EVENTS: dict[tuple[str, str], dict[int, tuple[float, float]]] = {
    ("sites", BACKGROUND): {0: (13e3, 15e3), 1: (13e3, 15e3), 2: (0.5e3, 2.4e3)},
    ("sites", COSMIC): {0: (2e3, 10e3), 1: (2e3, 10e3), 2: (1.8e3, 8.7e3)},
    ("sites", NEUTRINO): {0: (0.3e3, 3.8e3), 1: (0.3e3, 3.8e3), 2: (0.36e3, 3.8e3)},
    ("clusters", LABELLED): dict.fromkeys(PLANES, (3, 12)),
}


def check_sbnd(folder: Path, *, reference: Path | None, num_events: int, seed: int) -> Findings:
    """Figures of simulated images, between those of the real events; both vertices against their projection.

    Args:
        folder: for the simulated files.
        reference: larcv3 file of real SBND events; without it there are no limits, and no final states to simulate.
        num_events: to simulate, of the beam and with those final states, and to read of the reference at most.
        seed: of the events.
    Raises:
        StoreError: the reference cannot be used.
        UserError: its images are not SBND's.
    """
    detector = get_detector("sbnd")
    simulated = make_sample(folder, detector, num_events=num_events, seed=seed)
    real = None if reference is None else read_events(reference, detector, num_events)
    num_copies = max(num_events // len(real or simulated), LEAST_COPIES)
    copies = make_copies(folder, detector, real or (), num_copies=num_copies, seed=seed)
    table, truth = figures_of(simulated), None if real is None else figures_of(real)
    rows = [
        *compare(table, truth),
        *compare_final_states([figures_of(events) for events in copies], truth),
        *describe_beam(table),
        vertex_row(simulated, detector, "simulated"),
        vertex_row(real, detector, "real"),
    ]
    return Findings(rows, value_figures(simulated, [event for events in copies for event in events], real))


def figures_of(events: Sequence[Event]) -> pd.DataFrame:
    """A row an event, see `figure_table`."""
    return figure_table(images_of(events))


def compare(simulated: pd.DataFrame, real: pd.DataFrame | None) -> list[Row]:
    """A row for each figure of background, cosmics and clusters: the mean of the beam's events, between limits.

    Args:
        simulated, real: a row an event, see `figure_table`.
    """
    rows = []
    for key in COMPARED:
        value, note = mean_of(values_of(simulated, key))
        low, high = limits(values_of(real, key), five_events(key))
        note = note if high is not None else f"{note}; {NO_LIMITS}"
        rows.append(between("images", quantity(key), value, low, high, UNITS[key[0]], note))
    return rows


def compare_final_states(copies: Sequence[pd.DataFrame], real: pd.DataFrame | None) -> list[Row]:
    """A row for each figure of neutrinos: the mean of real events, each by the mean of its copies, between limits.

    Args:
        copies: those of each real event that has a final state, a row a copy.
        real: a row an event; None without a reference.
    """
    rows = []
    for key in OF_FINAL_STATES:
        found = [values for table in copies if len(values := values_of(table, key))]
        value, note = mean_of_means(found) if found else (None, NO_REFERENCE if real is None else NO_FINAL_STATE)
        low, high = limits(values_of(real, key), ())
        rows.append(between("images", quantity(key), value, low, high, UNITS[key[0]], note))
    return rows


def describe_beam(simulated: pd.DataFrame) -> list[Row]:
    """Sites of neutrinos of the beam, and their medians, which are those of other events than the real ones.

    Args:
        simulated: a row an event, see `figure_table`.
    """
    rows = []
    for key in OF_BEAM:
        value, note = mean_of(values_of(simulated, key))
        low, high = limits(np.zeros(0), five_events(key))
        name = quantity((*key[:2], "neutrino of the beam"))
        rows.append(between("images", name, value, low, high, UNITS[key[0]], f"{note}, {BEAM}"))
    return rows


def quantity(key: Key) -> str:
    """The name of a figure of a plane and label."""
    figure, plane, label = key
    return f"{WORDS[figure]}, {label}, plane {plane}"


def values_of(table: pd.DataFrame | None, key: Key) -> NDArray[np.float64]:
    """A figure of the events that have it."""
    return np.zeros(0) if table is None else table[key].dropna().to_numpy(np.float64)


def five_events(key: Key) -> tuple[float, ...]:
    """The range of a figure over the five events of the example data; empty where it is not known."""
    figure, plane, label = key
    return FIVE_EVENTS.get((figure, label), {}).get(plane, ())


def mean_of(sample: NDArray[np.float64]) -> tuple[float | None, str]:
    """The mean of a sample, and its error as a note."""
    return (float(sample.mean()), error_of_mean(sample)) if len(sample) else (None, "no such site")


def mean_of_means(samples: Sequence[NDArray[np.float64]]) -> tuple[float, str]:
    """The mean of the means of samples, each alike however large, and its error as a note."""
    squares = [sample.var() / len(sample) for sample in samples]
    error = float(np.sqrt(np.sum(squares)) / len(samples))
    return float(np.mean([sample.mean() for sample in samples])), f"{plus_minus(error)}, {REPEATED}"


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


def value_figures(simulated: Sequence[Event], copies: Sequence[Event], real: Sequence[Event] | None) -> list[Histogram]:
    """Sites an event by value, for each plane and label; those of neutrinos are of the copies where there are any."""
    ours, theirs = value_counts(simulated), None if real is None else value_counts(real)
    if copies:
        ours[:, SiteLabel.NEUTRINO] = value_counts(copies)[:, SiteLabel.NEUTRINO]
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
