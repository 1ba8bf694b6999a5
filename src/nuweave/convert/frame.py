"""From the axes and the origin of a source to those of the detector: x along the drift, y up, z along the beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError
from nuweave.convert.event import Deposits, Event

NO_SHIFT = (0.0, 0.0, 0.0)
OTHER_PLACES = ("end_pt", "first_step", "last_step", "parent_vtx", "ancestor_vtx")  # zeros where a source has none


def to_detector(event: Event, *, axes: str, shift_cm: Sequence[float]) -> Event:
    """The same event in the frame of the detector.

    Args:
        event: of a source, in the file's own frame.
        axes: the file's axes that run along the drift, up and along the beam.
        shift_cm: added to places after that.
    Raises:
        ConfigError: the source holds images, which are in the frame of their detector already.
    """
    if axes == "xyz" and tuple(shift_cm) == NO_SHIFT:
        return event
    content = event.content
    if not isinstance(content, Deposits):
        raise ConfigError(
            f"convert.axes={axes} and convert.shift_cm={list(shift_cm)} move deposits, but the source holds images; "
            "remove both"
        )
    order, shift = ["xyz".index(axis) for axis in axes], np.array(shift_cm)
    return replace(
        event,
        content=replace(
            content,
            start_cm_N3=content.start_cm_N3[:, order] + shift,
            end_cm_N3=content.end_cm_N3[:, order] + shift,
        ),
        vertex=None if event.vertex is None else event.vertex._replace(place_cm=event.vertex.place_cm[order] + shift),
        particles=None if event.particles is None else _moved(event.particles, order, shift),
    )


def _moved(particles: NDArray[Any], order: list[int], shift: NDArray[np.float64]) -> NDArray[Any]:
    """Rows of PARTICLE with momenta turned, and places turned and shifted."""
    moved = particles.copy()
    for name, source in zip("xyz", order, strict=True):
        moved[f"p{name}"] = particles[f"p{'xyz'[source]}"]
    for place in ("vtx", *OTHER_PLACES):
        is_known = np.full(len(particles), place == "vtx")
        is_known |= np.logical_or.reduce([particles[place][axis] != 0 for axis in "xyzt"])
        for name, source, step in zip("xyz", order, shift, strict=True):
            moved[place][name] = np.where(is_known, particles[place]["xyz"[source]] + step, 0.0)
    return moved
