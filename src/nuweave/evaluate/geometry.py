"""From sites of the evaluated images to places in the detector, and back.

Shapes: E events, P planes, D axes of an image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.detectors import Detector
from nuweave.tasks.ratios import Floats


@dataclass(frozen=True)
class Geometry:
    """A detector and how its images were merged.

    Attributes:
        detector: where a place appears in the images at full resolution.
        factor: sites that were merged along each axis.
    """

    detector: Detector
    factor: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Merged sites along each axis, for each plane."""
        return tuple(tuple(num // self.factor for num in shape) for shape in self.detector.shapes)

    @property
    def site_cm(self) -> Floats:
        """float64[D], extent of a merged site."""
        return self.factor * np.array(self.detector.site_cm)

    def locate(self, sites_EPD: Floats) -> Floats:
        """float64[E, 3] cm, the place at time 0 that fits what all planes see best."""
        full_EPD = (sites_EPD + 0.5) * self.factor - 0.5
        return self.detector.locate(list(np.moveaxis(full_EPD, 1, 0)))

    def project(self, place_cm_E3: Floats) -> Floats:
        """float64[E, P, D] merged sites where a place at time 0 is seen; nan outside the image, and of a nan."""
        known_E: NDArray[np.bool_] = np.all(np.isfinite(place_cm_E3), axis=1)
        places = np.where(known_E[:, None], place_cm_E3, 0.0)
        full_EPD = np.stack(self.detector.project(places, np.zeros(len(places))), axis=1)
        inside_EPD = (full_EPD >= -0.5) & (full_EPD < np.array(self.detector.shapes) - 0.5)
        seen_EP: NDArray[np.bool_] = np.all(inside_EPD, axis=2) & known_E[:, None]
        return np.where(seen_EP[:, :, None], (full_EPD + 0.5) / self.factor - 0.5, np.nan)
