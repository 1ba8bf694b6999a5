"""What an adapter gives for each event, whatever the format it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
        is_neutrino_N: bool[N], whether the deposit comes from the neutrino interaction.
    """

    start_cm_N3: NDArray[np.float64]
    end_cm_N3: NDArray[np.float64]
    time_us_N: NDArray[np.float64]
    energy_mev_N: NDArray[np.float64]
    dedx_mev_cm_N: NDArray[np.float64]
    is_neutrino_N: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.energy_mev_N)


@dataclass(frozen=True)
class Images:
    """The images of an event, a projection each.

    Attributes:
        values: stored sites and their values.
        labels: the same sites with their SiteLabel; None where the source cannot tell.
        vertex: sites around the neutrino vertex, one cluster, perhaps empty; None where the source cannot tell.
    """

    values: Sequence[SparseImage]
    labels: Sequence[SparseImage] | None
    vertex: Sequence[Clusters] | None


@dataclass(frozen=True)
class Event:
    """One event of a source.

    Attributes:
        number: the source's own event number, unique within the file.
        content: deposits that need a detector, or finished images.
        particles: rows of PARTICLE, the neutrino first (time of its `vtx` in ns), then its final state; no rows when
            the event has no neutrino; None where the source cannot tell.
        mode: how the neutrino scattered; None where that is not known.
    """

    number: int
    content: Deposits | Images
    particles: NDArray[Any] | None
    mode: Mode | None


@dataclass(frozen=True)
class Provides:
    """Which truth a source knows; what it does not know becomes an absent product, never a zero."""

    site_labels: bool
    vertex: bool
    particles: bool
    mode: bool

    @property
    def heads(self) -> tuple[str, ...]:
        """Event classes that follow from this truth."""
        return tuple(head for head in PRODUCT_OF_HEAD if self.particles and (self.mode or head != "interaction"))
