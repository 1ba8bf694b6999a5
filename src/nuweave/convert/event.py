"""What an adapter gives for each event, whatever the format it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.truth import PRODUCT_OF_HEAD, Mode
from nuweave.store import Clusters, SparseImage


@dataclass(frozen=True)
class Deposits:
    """Energy deposited along straight steps, before any detector response.

    Attributes:
        start_cm_N3, end_cm_N3: float64[N, 3], ends of each step; x is the drift axis, y points up, z along the beam.
        time_us_N: float64[N], relative to the trigger.
        energy_mev_N: float64[N], energy deposited.
        dedx_mev_cm_N: float64[N], energy loss a length, as recombination sees it.
        origin_N: int8[N], the SiteLabel (COSMIC or NEUTRINO) of what deposited it; None where the source cannot tell.
        semantic_N: int8[N], the SemanticLabel of what deposited it; None where the source cannot tell.
    """

    start_cm_N3: NDArray[np.float64]
    end_cm_N3: NDArray[np.float64]
    time_us_N: NDArray[np.float64]
    energy_mev_N: NDArray[np.float64]
    dedx_mev_cm_N: NDArray[np.float64]
    origin_N: NDArray[np.int8] | None
    semantic_N: NDArray[np.int8] | None

    def __len__(self) -> int:
        return len(self.energy_mev_N)


@dataclass(frozen=True)
class Images:
    """The images of an event, a projection each.

    Attributes:
        values: stored sites and their values.
        labels: the same sites with their SiteLabel; None where the source cannot tell.
        semantics: the same sites with their SemanticLabel; None where the source cannot tell.
        vertex: sites around the neutrino vertex, one cluster, perhaps empty; None where the source cannot tell.
    """

    values: Sequence[SparseImage]
    labels: Sequence[SparseImage] | None
    semantics: Sequence[SparseImage] | None
    vertex: Sequence[Clusters] | None


class Vertex(NamedTuple):
    """Where an interaction took place: float64[3] cm, and its time relative to the trigger."""

    place_cm: NDArray[np.float64]
    time_us: float


Note = Literal[
    "unknown_pdg",
    "missing_parent",
    "not_finite",
    "negative_energy",
    "absurd_time",
    "outside",
    "vertex_outside",
    "dx_is_not_length",
]
"""What was found wrong in an event and dealt with; the manifest counts each."""


@dataclass(frozen=True)
class Event:
    """One event of a source.

    Attributes:
        number: the source's own event number, unique within the file.
        content: deposits that need a detector, or finished images.
        vertex: of the neutrino interaction, or of the primary particles of a source without neutrinos; None where the
            event has none or the source cannot tell.
        particles: rows of PARTICLE, the neutrino first (time of its `vtx` in ns), then its final state; no rows when
            the event has no neutrino; None where the source cannot tell.
        mode: how the neutrino scattered; None where that is not known.
        notes: how often each fault was found in the event.
    """

    number: int
    content: Deposits | Images
    vertex: Vertex | None
    particles: NDArray[Any] | None
    mode: Mode | None
    notes: Mapping[Note, int] = field(default_factory=dict)


def neutrino_vertex(particles: NDArray[Any]) -> Vertex | None:
    """The vertex of the neutrino, the first row of PARTICLE; None without rows."""
    if len(particles) == 0:
        return None
    vertex = particles[0]["vtx"]
    return Vertex(np.array([vertex["x"], vertex["y"], vertex["z"]]), float(vertex["t"]) / 1000.0)


@dataclass(frozen=True)
class Provides:
    """Which truth a source knows; what it does not know becomes an absent product, never a zero."""

    site_labels: bool
    semantics: bool
    vertex: bool
    particles: bool
    mode: bool

    @property
    def heads(self) -> tuple[str, ...]:
        """Event classes that follow from this truth."""
        return tuple(head for head in PRODUCT_OF_HEAD if self.particles and (self.mode or head != "interaction"))
