"""What may be wrong with the events of a source: mended and noted, or refused by name. Pure functions.

Limits do not depend on the response. A deposit is in the detector where its middle lies in the active volume. A whole
file is refused where most of its energy lies elsewhere: then its units or its frame are not the detector's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Deposits, Event, Note, Vertex
from nuweave.physics.detectors import Detector
from nuweave.store import StoreError

LATEST_US = 1e6  # no readout waits a second; later are decays of nuclei, or clocks that count from elsewhere
LEAST_INSIDE = 0.5  # share of a file's energy that must lie in the detector
MM_IN_CM = 10.0


@dataclass(frozen=True)
class Spread:
    """Where the energy of some events lies.

    Attributes:
        inside_mev, outside_mev: energy of the deposits in the active volume, and of the others.
        low_cm, high_cm: float64[3], the box around all of them; +inf and -inf where there are none.
    """

    inside_mev: float
    outside_mev: float
    low_cm: NDArray[np.float64]
    high_cm: NDArray[np.float64]

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            self.inside_mev + other.inside_mev,
            self.outside_mev + other.outside_mev,
            np.minimum(self.low_cm, other.low_cm),
            np.maximum(self.high_cm, other.high_cm),
        )


NOWHERE = Spread(0.0, 0.0, np.full(3, np.inf), np.full(3, -np.inf))


def check_event(event: Event, detector: Detector) -> tuple[Event, Spread]:
    """The event without deposits that cannot be, or that lie outside of the detector; its notes tell how many.

    Args:
        event: in the detector's frame; one of images is returned as it is.
        detector: geometry.
    Returns:
        the event, and where the energy of its deposits lies, those outside of the detector included.
    """
    if not isinstance(event.content, Deposits):
        return event, NOWHERE
    notes: Counter[Note] = Counter(event.notes)
    sound = _sound_deposits(event.content, notes)
    middle_N3 = 0.5 * (sound.start_cm_N3 + sound.end_cm_N3)
    inside_N = in_box(middle_N3, detector.bounds_cm)
    notes["outside"] += int((~inside_N).sum())
    vertex = _sound_vertex(event.vertex, detector, notes)
    spread = NOWHERE + Spread(
        inside_mev=float(sound.energy_mev_N[inside_N].sum()),
        outside_mev=float(sound.energy_mev_N[~inside_N].sum()),
        low_cm=middle_N3.min(axis=0, initial=np.inf),
        high_cm=middle_N3.max(axis=0, initial=-np.inf),
    )
    found = {note: num for note, num in notes.items() if num}
    return replace(event, content=_kept(sound, inside_N), vertex=vertex, notes=found), spread


def require_mostly_inside(spread: Spread, detector: Detector, path: Path) -> None:
    """Most energy of a file must lie in the detector.

    Raises:
        StoreError: it does not; the message names the boxes of both and asks what may be wrong.
    """
    total_mev = spread.inside_mev + spread.outside_mev
    if spread.inside_mev >= LEAST_INSIDE * total_mev:
        return
    low, high = detector.bounds_cm.T
    scaled_fits = in_box(np.stack([spread.low_cm, spread.high_cm]) / MM_IN_CM, detector.bounds_cm).all()
    question = "mm or cm? A tenth of these would fit" if scaled_fits else "mm or cm?"
    raise StoreError(
        f"{path}: {100 * spread.outside_mev / total_mev:.0f} % of its energy lies outside of detector {detector.name} "
        f"({_box(low, high)}), its deposits span {_box(spread.low_cm, spread.high_cm)}: {question}; "
        "write the file again in cm, or set convert.axes, convert.shift_cm or detector to what fits"
    )


def in_box(place_cm_N3: NDArray[np.float64], bounds_cm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool[N], which places lie in a box float64[3, 2]; its faces belong to it."""
    inside: NDArray[np.bool_] = np.all((place_cm_N3 >= bounds_cm[:, 0]) & (place_cm_N3 <= bounds_cm[:, 1]), axis=1)
    return inside


def _sound_deposits(deposits: Deposits, notes: Counter[Note]) -> Deposits:
    """The deposits with finite numbers, energies that are not negative and times that can be; the others are noted."""
    with np.errstate(invalid="ignore"):  # a sum is finite where all of it is
        sum_N = deposits.start_cm_N3.sum(axis=1) + deposits.end_cm_N3.sum(axis=1)
        sum_N += deposits.time_us_N + deposits.energy_mev_N + deposits.dedx_mev_cm_N
    finite_N = np.isfinite(sum_N)
    positive_N = ~(deposits.energy_mev_N < 0)
    in_time_N = ~(np.abs(deposits.time_us_N) > LATEST_US)
    notes["not_finite"] += int((~finite_N).sum())
    notes["negative_energy"] += int((finite_N & ~positive_N).sum())
    notes["absurd_time"] += int((finite_N & positive_N & ~in_time_N).sum())
    return _kept(deposits, finite_N & positive_N & in_time_N)


def _sound_vertex(vertex: Vertex | None, detector: Detector, notes: Counter[Note]) -> Vertex | None:
    """The vertex, noted if it lies outside; None, and noted, where it is no place at all."""
    if vertex is None:
        return None
    if not np.isfinite([*vertex.place_cm, vertex.time_us]).all():
        notes["not_finite"] += 1
        return None
    notes["vertex_outside"] += int(not in_box(vertex.place_cm[None], detector.bounds_cm)[0])
    return vertex


def _kept(deposits: Deposits, kept_N: NDArray[np.bool_]) -> Deposits:
    """Some of the deposits, mostly all."""
    if kept_N.all():
        return deposits
    return Deposits(
        start_cm_N3=deposits.start_cm_N3[kept_N],
        end_cm_N3=deposits.end_cm_N3[kept_N],
        time_us_N=deposits.time_us_N[kept_N],
        energy_mev_N=deposits.energy_mev_N[kept_N],
        dedx_mev_cm_N=deposits.dedx_mev_cm_N[kept_N],
        origin_N=None if deposits.origin_N is None else deposits.origin_N[kept_N],
        semantic_N=None if deposits.semantic_N is None else deposits.semantic_N[kept_N],
    )


def _box(low_cm: NDArray[np.float64], high_cm: NDArray[np.float64]) -> str:
    spans = (f"{axis} {low:.5g} to {high:.5g}" for axis, low, high in zip("xyz", low_cm, high_cm, strict=True))
    return f"{', '.join(spans)} cm"
