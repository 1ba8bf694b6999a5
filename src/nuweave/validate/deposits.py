"""Muons in files of energy deposits: their dE/dx tells whether energies and lengths were read in the right units."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nuweave.config import UserError
from nuweave.convert.event import Deposits
from nuweave.convert.inspect import find_format
from nuweave.convert.sources import open_source
from nuweave.physics.truth import SemanticLabel
from nuweave.validate.record import Findings, Histogram, Row, between

LOW_MEV_CM, HIGH_MEV_CM = 1.7, 2.2
SHORTEST_CM = 0.1  # shorter steps are the ends of tracks, and electrons
BINS = np.arange(51) / 10
NO_FILE = "not measured: give --edepsim"


def check_deposits(files: Sequence[Path], *, volume: str | None, num_events: int) -> Findings:
    """The dE/dx of the muons in each file of deposits.

    Args:
        files: of any format that an adapter reads as deposits; most of their tracks must be muons.
        volume: the sensitive detector to read, in files that have several.
        num_events: of each file, at most.
    Raises:
        StoreError: a file cannot be used.
        UserError: it has no deposits along tracks.
    """
    if not files:
        row = Row("edep-sim", "dE/dx of muons", None, LOW_MEV_CM, HIGH_MEV_CM, "MeV/cm", None, NO_FILE)
        return Findings([row])
    rows, figures = [], []
    for file in files:
        dedx, length = read_steps(file, volume=volume, num_events=num_events)
        middle = weighted_median(dedx, length)
        note = f"median by length of {len(dedx)} steps, {length.sum() / 100:.3g} m"
        rows.append(
            between("edep-sim", f"dE/dx of muons in {file.name}", middle, LOW_MEV_CM, HIGH_MEV_CM, "MeV/cm", note)
        )
        share = np.histogram(np.minimum(dedx, BINS[-1]), BINS, weights=length)[0] / length.sum()
        figures.append(
            Histogram("muon_dedx", file.name, "dE/dx of steps", "MeV/cm", "length", BINS.tolist(), share.tolist())
        )
    return Findings(rows, figures)


def read_steps(path: Path, *, volume: str | None, num_events: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """dE/dx [MeV/cm] and length [cm] of the steps of tracks in a file; of all particles where it does not tell tracks.

    Args:
        path: the file.
        volume: the sensitive detector to read, where there are several.
        num_events: events to read, at most.
    Raises:
        StoreError: the file cannot be used.
        UserError: no adapter knows it, or it holds no such step.
    """
    with closing(open_source(find_format(path), path, volume=volume)) as source:
        contents = [source.event(entry).content for entry in range(min(len(source), num_events))]
    found = [track_steps(content) for content in contents if isinstance(content, Deposits)]
    dedx, length = (np.concatenate([np.zeros(0), *(step[part] for step in found)]) for part in (0, 1))
    if len(dedx) == 0:
        raise UserError(f"{path}: has no energy deposits along tracks; give a file of simulated muons")
    return dedx, length


def track_steps(deposits: Deposits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """dE/dx [MeV/cm] and length [cm] of steps longer than SHORTEST_CM of tracks."""
    length = np.linalg.norm(deposits.end_cm_N3 - deposits.start_cm_N3, axis=1)
    chosen = length > SHORTEST_CM
    if deposits.semantic_N is not None:
        chosen &= deposits.semantic_N == SemanticLabel.TRACK
    return deposits.energy_mev_N[chosen] / length[chosen], length[chosen]


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The value up to which half of the weight lies."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(reached, reached[-1] / 2)]])
