"""Detector geometries: where a deposit at a place and a time appears in each image, and the way back.

Shape letters: N places, P projections, D axes of an image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError
from nuweave.physics.medium import LIQUID_ARGON, MINERAL_OIL, Medium

# SBND: columns a cm of drift, the column of the cathode in the images of the volumes at x < 0 and x > 0, and the sine
# of the 60 degrees between the induction wires and those of collection
COLUMNS_CM, CATHODE_COLUMNS, SLANT = 3.2, (640.0, 637.3), math.sqrt(3.0) / 2.0
UNSEEN = -1.0e6  # site coordinate of charge that arrives outside of the readout window: far outside of any image


@dataclass(frozen=True)
class ReadoutBlock:
    """A rectangle of an image whose electronics are alike.

    Attributes:
        sites: the sites along each axis that are read out.
        plane: the wire plane (or readout) behind it, an index into settings that are given a plane.
        streak: mean number of noise sites that follow each other along the drift axis; 1 for noise without memory,
            the only choice where nothing drifts.
    """

    sites: tuple[range, ...]
    plane: int
    streak: float = 1.0

    @property
    def num_sites(self) -> int:
        """Sites that can hold noise."""
        return int(np.prod([len(axis) for axis in self.sites]))


class Detector(Protocol):
    """What the other rooms need to know of a detector. x is the drift axis if any, y points up, z along the beam.

    Attributes:
        name: its name in the configuration.
        ndim: dimensions of an image: 2 for wire planes and views, 3 for voxels.
        medium: what fills it.
        bounds_cm: float64[3, 2], the active volume.
        shapes: sites along each axis, for each projection.
        axis_names: what runs along each axis, for each projection.
        blocks: the read-out part of each projection.
        site_cm: extent of a site along each axis of an image.
        origin_cm: coordinate of the images' first edge along each axis.
        drift_axis: the axis of an image along which charge drifts, all others are transverse; None if nothing drifts.
    """

    @property
    def name(self) -> str: ...
    @property
    def ndim(self) -> int: ...
    @property
    def medium(self) -> Medium: ...
    @property
    def bounds_cm(self) -> NDArray[np.float64]: ...
    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def axis_names(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def blocks(self) -> tuple[tuple[ReadoutBlock, ...], ...]: ...
    @property
    def site_cm(self) -> tuple[float, ...]: ...
    @property
    def origin_cm(self) -> tuple[float, ...]: ...
    @property
    def drift_axis(self) -> int | None: ...
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
        """float64[N], distance that charge drifts from each place to the readout."""
        ...

    def locate(self, coords_PND: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The place, at time 0, that fits its site coordinates in every projection best: `project` turned round.

        Args:
            coords_PND: float64[N, D] a projection; one with NaN is left out.
        Returns:
            float64[N, 3] cm, the least squares in sites; NaN where too few projections are left.
        """
        ...


def fit_places(design_PD3: NDArray[np.float64], coords_NPD: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares of coords = design @ place over the projections without NaN, by the normal equations.

    Args:
        design_PD3: change of each site coordinate with x, y and z [sites/cm].
        coords_NPD: site coordinates, less those of the origin.
    Returns:
        float64[N, 3] cm; NaN where the projections that are left do not fix the place.
    """
    seen_NP: NDArray[np.bool_] = np.all(np.isfinite(coords_NPD), axis=2)
    known_NPD = np.where(seen_NP[:, :, None], coords_NPD, 0.0)
    normal_N33 = np.einsum("np,pdi,pdj->nij", seen_NP, design_PD3, design_PD3)
    right_N3 = np.einsum("pdi,npd->ni", design_PD3, known_NPD)
    fixed_N = np.linalg.matrix_rank(normal_N33, hermitian=True) == 3
    place_N3 = np.full((len(coords_NPD), 3), np.nan)
    place_N3[fixed_N] = np.linalg.solve(normal_N33[fixed_N], right_N3[fixed_N, :, None])[:, :, 0]
    return place_N3


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
    medium: Medium = LIQUID_ARGON
    shapes: tuple[tuple[int, ...], ...] = ((2048, 1280),) * 3
    axis_names: tuple[tuple[str, ...], ...] = (("wire", "time"),) * 3
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
        column = COLUMNS_CM * x + np.where(beyond, CATHODE_COLUMNS[1] - shift, CATHODE_COLUMNS[0] + shift)
        seen = np.where(beyond, (column >= 638.5) & (column < 1279.5), (column >= -0.5) & (column < 639.5))
        column = np.where(seen, column, UNSEEN)
        along, up = (z - 250.0) / 0.3, y / 0.3
        rows = (0.5 * along - SLANT * up, 0.5 * along + SLANT * up, along)
        return [np.stack([1024.0 + row, column], axis=1) for row in rows]

    def drift_cm(self, position_cm_N3: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance to the wires of the deposit's own volume, at x = -200 or x = +200 cm."""
        return np.clip(200.0 - np.abs(np.asarray(position_cm_N3, np.float64)[:, 0]), 0.0, None)

    def locate(self, coords_PND: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """See Detector.locate; two planes are enough.

        Within 5 mm of the cathode the columns of both volumes overlap: such a place may come out beyond it, 8 mm off.
        """
        column_3 = [COLUMNS_CM, 0.0, 0.0]
        rows_P3 = np.array([[0.0, -SLANT, 0.5], [0.0, SLANT, 0.5], [0.0, 0.0, 1.0]]) / 0.3
        coords_NPD = np.stack(coords_PND, axis=1) - np.array([1024.0, CATHODE_COLUMNS[0]])
        place_N3 = fit_places(np.stack([[row_3, column_3] for row_3 in rows_P3]), coords_NPD)
        gap_cm = (CATHODE_COLUMNS[0] - CATHODE_COLUMNS[1]) / COLUMNS_CM
        place_N3[:, 0] += np.where(place_N3[:, 0] > -0.5 * gap_cm, gap_cm, 0.0)
        place_N3[:, 2] += 250.0
        return place_N3


@dataclass(frozen=True)
class GridDetector:
    """A box that is read out in equal sites along directions in space: voxels, or views that look across it.

    Attributes:
        box_cm: low and high end of the box along x, y and z.
        directions: for each projection, the unit vector (x, y, z) that runs along each axis of its image.
        axis_names: what runs along each axis, for each projection.
        num_sites: along each axis of an image.
        origin_cm: coordinate, along its direction, of the images' first edge on each axis.
        drift_velocity_cm_us: of charge, towards the face at low x; 0 where every deposit is seen at once.
    """

    name: str
    medium: Medium
    box_cm: tuple[tuple[float, float], ...]
    directions: tuple[tuple[tuple[float, float, float], ...], ...]
    axis_names: tuple[tuple[str, ...], ...]
    num_sites: tuple[int, ...]
    site_cm: tuple[float, ...]
    origin_cm: tuple[float, ...]
    drift_velocity_cm_us: float

    @property
    def ndim(self) -> int:
        """Dimensions of an image."""
        return len(self.num_sites)

    @property
    def bounds_cm(self) -> NDArray[np.float64]:
        """float64[3, 2], the active volume."""
        return np.array(self.box_cm)

    @property
    def num_projections(self) -> int:
        """Images an event."""
        return len(self.directions)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """All projections are alike."""
        return (self.num_sites,) * self.num_projections

    @property
    def blocks(self) -> tuple[tuple[ReadoutBlock, ...], ...]:
        """Every site."""
        sites = tuple(range(num) for num in self.num_sites)
        return tuple((ReadoutBlock(sites, plane=projection),) for projection in range(self.num_projections))

    @property
    def drift_axis(self) -> int | None:
        """That of x, where charge drifts."""
        return self.directions[0].index(X) if self.drift_velocity_cm_us > 0 else None

    def project(self, position_cm_N3: NDArray[np.float64], time_us_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Site of deposits; late ones appear farther from the readout. See Detector.project."""
        seen_at = np.array(position_cm_N3, np.float64)
        seen_at[:, 0] += self.drift_velocity_cm_us * np.asarray(time_us_N, np.float64)
        return [
            (seen_at @ direction_D3.T - np.array(self.origin_cm)) / np.array(self.site_cm) - 0.5
            for direction_D3 in np.array(self.directions)
        ]

    def drift_cm(self, position_cm_N3: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance to the readout at low x; 0 where nothing drifts."""
        if self.drift_axis is None:
            return np.zeros(len(position_cm_N3))
        return np.clip(np.asarray(position_cm_N3, np.float64)[:, 0] - self.box_cm[0][0], 0.0, None)

    def locate(self, coords_PND: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """See Detector.locate; of views, two are needed."""
        design_PD3 = np.array(self.directions) / np.array(self.site_cm)[:, None]
        edge_D = np.array(self.origin_cm) / np.array(self.site_cm)
        return fit_places(design_PD3, np.stack(coords_PND, axis=1) + 0.5 + edge_D)


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)

# A cube of liquid argon, charge drifting to the face at low x: idealised, as the samples of arXiv:1912.10133 and
# PILArNet (arXiv:2006.01993) are.
CUBE = GridDetector(
    name="cube",
    medium=LIQUID_ARGON,
    box_cm=((-51.2, 51.2), (-51.2, 51.2), (0.0, 102.4)),
    directions=((X, Y, Z),),
    axis_names=(("x", "y", "z"),),
    num_sites=(256, 256, 256),
    site_cm=(0.4, 0.4, 0.4),
    origin_cm=(-51.2, -51.2, 0.0),
    drift_velocity_cm_us=0.16,
)

# A box as a module row of DUNE's near detector in depth (5 m there, 3 m here) and 4 mm sites, read out in voxels or in
# three views of wires at 0, +60 and -60 degrees from the vertical, on the same events: the comparison of
# arXiv:1912.10133. Idealised: one drift volume, no gaps, no difference between the views.
DUNE_ND = GridDetector(
    name="dune_nd",
    medium=LIQUID_ARGON,
    box_cm=((-102.4, 102.4), (-51.2, 51.2), (-153.6, 153.6)),
    directions=((X, Y, Z),),
    axis_names=(("x", "y", "z"),),
    num_sites=(512, 256, 768),
    site_cm=(0.4, 0.4, 0.4),
    origin_cm=(-102.4, -51.2, -153.6),
    drift_velocity_cm_us=0.16,
)
DUNE_ND_2D = replace(
    DUNE_ND,
    name="dune_nd_2d",
    directions=tuple(((0.0, sine, cosine), X) for sine, cosine in ((0.0, 1.0), (SLANT, 0.5), (-SLANT, 0.5))),
    axis_names=(("wire", "x"),) * 3,
    num_sites=(768, 512),
    site_cm=(0.4, 0.4),
    origin_cm=(-153.6, -102.4),
)

# A stand-in for NOvA: two orthogonal views of 100 planes by 80 cells, (z, x) and (z, y), as arXiv:1604.01444 feeds to
# its network. Idealised: NOvA's planes alternate between the views, here both views read every plane, and the cells are
# no walls. What a cell holds is seen at once.
# The width of a cell is NOvA's (3.9 cm); the depth of a plane is its 6.0 cm of scintillator and our guess of the walls.
NOVA = GridDetector(
    name="nova",
    medium=MINERAL_OIL,
    box_cm=((-156.0, 156.0), (-156.0, 156.0), (0.0, 660.0)),
    directions=((Z, X), (Z, Y)),
    axis_names=(("z", "x"), ("z", "y")),
    num_sites=(100, 80),
    site_cm=(6.6, 3.9),
    origin_cm=(0.0, -156.0),
    drift_velocity_cm_us=0.0,
)

DETECTORS: dict[str, Detector] = {one.name: one for one in (WireDetector(), CUBE, DUNE_ND, DUNE_ND_2D, NOVA)}


def get_detector(name: str) -> Detector:
    """The detector of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in DETECTORS:
        raise ConfigError(f"detector={name!r} is not known; try one of {', '.join(DETECTORS)}")
    return DETECTORS[name]
