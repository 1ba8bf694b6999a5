"""From sites of the evaluated images to places in the detector, and back.

Shapes: E events, P planes, D axes of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nuweave.physics.detectors import Detector
from nuweave.tasks.ratios import Floats

AGREE_CM = 3.0  # how far planes that see the same place may be off


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
        """The place at time 0 that most planes agree on: one wrong plane must not spoil it.

        The place that fits best all planes, or all but one and so on down to two, is taken as soon as each of these
        planes sees it within AGREE_CM; if no two do, that of the two which come nearest to it.

        Args:
            sites_EPD: merged sites, nan where a plane sees nothing.
        Returns:
            float64[E, 3] cm.
        """
        num_planes = sites_EPD.shape[1]
        best_E3, best_E = self._fit(sites_EPD, range(num_planes))
        for size in range(num_planes - 1, 1, -1):
            agreed_E = best_E <= AGREE_CM
            for planes in combinations(range(num_planes), size):
                place_E3, off_E = self._fit(sites_EPD, planes)
                better_E = ~agreed_E & ~(best_E <= off_E)
                best_E3 = np.where(better_E[:, None], place_E3, best_E3)
                best_E = np.where(better_E, off_E, best_E)
        return best_E3

    def _fit(self, sites_EPD: Floats, planes: Sequence[int]) -> tuple[Floats, Floats]:
        """float64[E, 3] the place that fits some planes best, float64[E] how far off the worst of them sees it [cm]."""
        full_EPD = (sites_EPD + 0.5) * self.factor - 0.5
        alone_EPD = np.full_like(full_EPD, np.nan)
        alone_EPD[:, planes] = full_EPD[:, planes]
        place_E3 = self.detector.locate(list(np.moveaxis(alone_EPD, 1, 0)))
        known_E: NDArray[np.bool_] = np.all(np.isfinite(place_E3), axis=1)
        places = np.where(known_E[:, None], place_E3, 0.0)
        seen_EPD = np.stack(self.detector.project(places, np.zeros(len(places))), axis=1)
        off_EP = np.linalg.norm((seen_EPD - alone_EPD) * np.array(self.detector.site_cm), axis=2)
        worst_E = np.where(np.isfinite(off_EP), off_EP, 0.0).max(axis=1)
        return place_E3, np.where(known_E, worst_E, np.inf)

    def project(self, place_cm_E3: Floats) -> Floats:
        """float64[E, P, D] merged sites where a place at time 0 is seen; nan outside the image, and of a nan."""
        known_E: NDArray[np.bool_] = np.all(np.isfinite(place_cm_E3), axis=1)
        places = np.where(known_E[:, None], place_cm_E3, 0.0)
        full_EPD = np.stack(self.detector.project(places, np.zeros(len(places))), axis=1)
        inside_EPD = (full_EPD >= -0.5) & (full_EPD < np.array(self.detector.shapes) - 0.5)
        seen_EP: NDArray[np.bool_] = np.all(inside_EPD, axis=2) & known_E[:, None]
        return np.where(seen_EP[:, :, None], (full_EPD + 0.5) / self.factor - 0.5, np.nan)
