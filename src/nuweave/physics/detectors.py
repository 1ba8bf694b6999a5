"""Detector geometries: where a deposit at a place and a time appears in each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError

UNSEEN = -1.0e6  # site coordinate of charge that arrives outside of the readout window: far outside of any image


@dataclass(frozen=True)
class ReadoutBlock:
    """A rectangle of an image whose electronics are alike.

    Attributes:
        sites: the sites along each axis that are read out.
        plane: the wire plane (or readout) behind it, an index into settings that are given a plane.
        streak: mean number of noise sites that follow each other along the drift axis; 1 for noise without memory.
    """

    sites: tuple[range, ...]
    plane: int
    streak: float = 1.0

    @property
    def num_sites(self) -> int:
        """Sites that can hold noise."""
        return int(np.prod([len(axis) for axis in self.sites]))


class Detector(Protocol):
    """What the other rooms need to know of a detector. x is the drift axis, y points up, z along the beam.

    Attributes:
        name: its name in the configuration.
        ndim: dimensions of an image: 2 for wire planes, 3 for voxels.
        bounds_cm: float64[3, 2], the active volume.
        shapes: sites along each axis, for each projection.
        blocks: the read-out part of each projection.
        site_cm: extent of a site along each axis of an image.
        origin_cm: coordinate of the images' first edge along each axis.
        drift_axis: the axis of an image along which charge drifts; all others are transverse.
    """

    @property
    def name(self) -> str: ...
    @property
    def ndim(self) -> int: ...
    @property
    def bounds_cm(self) -> NDArray[np.float64]: ...
    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def blocks(self) -> tuple[tuple[ReadoutBlock, ...], ...]: ...
    @property
    def site_cm(self) -> tuple[float, ...]: ...
    @property
    def origin_cm(self) -> tuple[float, ...]: ...
    @property
    def drift_axis(self) -> int: ...
    @property
    def num_projections(self) -> int: ...

    def project(self, position_cm_N3: NDArray[np.float64], time_us_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Site coordinates of deposits in every projection.

        Args:
            position_cm_N3: float64[N, 3], places in the detector.
            time_us_N: float64[N], times relative to the trigger.
        Returns:
            float64[N, ndim] a projection, fractional: site k covers [k - 0.5, k + 0.5). May lie outside of the image;
            charge that arrives before or after the readout window has UNSEEN along the drift axis.
        """
        ...

    def drift_cm(self, position_cm_N3: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[N], distance from each place to the readout."""
        ...


@dataclass(frozen=True)
class WireDetector:
    """SBND: two drift volumes with three wire planes each, side by side in images of 2048 wires by 1280 times.

    A row is a wire (3 mm), a column four ticks of 0.5 us (3.125 mm of drift). The cathode lies at x = 0 in the middle
    of the columns; each half is the readout window of one volume. Of the two induction views, the wires of one volume
    continue those of the other view's plane: image 0 joins plane 0 at x < 0 with plane 1 at x > 0.

    Source: fit to the 15 projected truth vertices of CosmicTagger's example events (arXiv:2012.01301), residuals below
    1 row and 1.5 columns; the readout blocks from the occupied sites of the same events.
    """

    name: str = "sbnd"
    ndim: int = 2
    shapes: tuple[tuple[int, ...], ...] = ((2048, 1280),) * 3
    site_cm: tuple[float, ...] = (0.3, 0.3125)
    origin_cm: tuple[float, ...] = (0.0, 0.0)
    drift_axis: int = 1

    @property
    def bounds_cm(self) -> NDArray[np.float64]:
        """float64[3, 2], the active volume."""
        return np.array([[-200.0, 200.0], [-200.0, 200.0], [0.0, 500.0]])

    @property
    def num_projections(self) -> int:
        """Images an event."""
        return len(self.shapes)

    @property
    def blocks(self) -> tuple[tuple[ReadoutBlock, ...], ...]:
        """The wires that exist, in the two halves of each image."""
        induction, collection = range(31, 2017), range(191, 1857)
        low, high = range(0, 640), range(640, 1280)
        streak = 2.2  # plane 1 has noise of low frequency: an excess of 2.3 neighbours for each noise site
        return (
            (ReadoutBlock((induction, low), plane=0), ReadoutBlock((induction, high), plane=1, streak=streak)),
            (ReadoutBlock((induction, low), plane=1, streak=streak), ReadoutBlock((induction, high), plane=0)),
            (ReadoutBlock((collection, low), plane=2), ReadoutBlock((collection, high), plane=2)),
        )

    def project(self, position_cm_N3: NDArray[np.float64], time_us_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Wire and time of deposits in the three planes; see Detector.project."""
        x, y, z = np.asarray(position_cm_N3, np.float64).T
        beyond = x > 0
        shift = 0.5 * np.asarray(time_us_N, np.float64)
        column = 3.2 * x + np.where(beyond, 637.3 - shift, 640.0 + shift)
        seen = np.where(beyond, (column >= 638.5) & (column < 1279.5), (column >= -0.5) & (column < 639.5))
        column = np.where(seen, column, UNSEEN)
        along, up = (z - 250.0) / 0.3, y / 0.3
        slant = np.sqrt(3.0) / 2.0
        rows = (0.5 * along - slant * up, 0.5 * along + slant * up, along)
        return [np.stack([1024.0 + row, column], axis=1) for row in rows]

    def drift_cm(self, position_cm_N3: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance to the wires of the deposit's own volume, at x = -200 or x = +200 cm."""
        return np.clip(200.0 - np.abs(np.asarray(position_cm_N3, np.float64)[:, 0]), 0.0, None)


@dataclass(frozen=True)
class VoxelDetector:
    """A cube of liquid argon read out in voxels, 256 along each axis, charge drifting to the face at low x.

    Idealised, as the samples of arXiv:1912.10133 and PILArNet (arXiv:2006.01993) are.
    """

    name: str = "cube"
    ndim: int = 3
    shapes: tuple[tuple[int, ...], ...] = ((256, 256, 256),)
    site_cm: tuple[float, ...] = (0.4, 0.4, 0.4)
    origin_cm: tuple[float, ...] = (-51.2, -51.2, 0.0)
    drift_axis: int = 0
    drift_velocity_cm_us: float = 0.16

    @property
    def bounds_cm(self) -> NDArray[np.float64]:
        """float64[3, 2], the active volume."""
        low = np.array(self.origin_cm)
        return np.stack([low, low + np.array(self.shapes[0]) * np.array(self.site_cm)], axis=1)

    @property
    def num_projections(self) -> int:
        """Images an event."""
        return len(self.shapes)

    @property
    def blocks(self) -> tuple[tuple[ReadoutBlock, ...], ...]:
        """Every voxel."""
        return ((ReadoutBlock(tuple(range(num) for num in self.shapes[0]), plane=0),),)

    def project(self, position_cm_N3: NDArray[np.float64], time_us_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Voxel of deposits; late ones appear farther from the readout. See Detector.project."""
        seen_at = np.array(position_cm_N3, np.float64)
        seen_at[:, 0] += self.drift_velocity_cm_us * np.asarray(time_us_N, np.float64)
        return [(seen_at - np.array(self.origin_cm)) / np.array(self.site_cm) - 0.5]

    def drift_cm(self, position_cm_N3: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance to the readout at low x."""
        return np.clip(np.asarray(position_cm_N3, np.float64)[:, 0] - self.origin_cm[0], 0.0, None)


DETECTORS: dict[str, Detector] = {"sbnd": WireDetector(), "cube": VoxelDetector()}


def get_detector(name: str) -> Detector:
    """The detector of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in DETECTORS:
        raise ConfigError(f"detector={name!r} is not known; try one of {', '.join(DETECTORS)}")
    return DETECTORS[name]
