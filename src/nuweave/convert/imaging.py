"""From deposits to images: pieces of a step, diffusion, projection, shaping, noise, threshold, labels. Pure functions.

Shape letters: N deposits, M pieces of deposits, S sites of an image, Q nodes of a piece's cloud, D axes of an image.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError
from nuweave.config.convert import ResponseConfig
from nuweave.convert.event import Deposits, Images, Vertex
from nuweave.convert.noise import noise_sites
from nuweave.convert.response import diffusion_cm, drift_time_us, ionisation_electrons, surviving_share
from nuweave.physics.detectors import Detector, ReadoutBlock
from nuweave.physics.truth import SiteLabel
from nuweave.store import Clusters, SparseImage

PIECE_SITES = 0.5  # longest piece of a step, in sites (and 1 % for rounding)
# three-point Gauss-Hermite rule: a normal cloud as three points along each axis, exact up to its fifth moment
NODE_SIGMAS = (-math.sqrt(3.0), 0.0, math.sqrt(3.0))
NODE_WEIGHTS = (1 / 6, 2 / 3, 1 / 6)


@dataclass(frozen=True)
class Pieces:
    """Deposits cut into pieces smaller than a site, and the charge that each sends to the readout.

    Attributes:
        coords_MD: float64[M, D] for each projection.
        sigma_MD: float64[M, D], diffusion along each axis of an image, in sites.
        electrons_M: float64[M], electrons that arrive.
        cosmic_mev_M, neutrino_mev_M: float64[M], deposited energy by origin.
    """

    coords_MD: list[NDArray[np.float64]]
    sigma_MD: NDArray[np.float64]
    electrons_M: NDArray[np.float64]
    cosmic_mev_M: NDArray[np.float64]
    neutrino_mev_M: NDArray[np.float64]


@dataclass(frozen=True)
class SiteSums:
    """What arrives at the sites of one image.

    Attributes:
        sites_S: int64[S], ascending.
        electrons_S, cosmic_mev_S, neutrino_mev_S: float64[S].
    """

    sites_S: NDArray[np.int64]
    electrons_S: NDArray[np.float64]
    cosmic_mev_S: NDArray[np.float64]
    neutrino_mev_S: NDArray[np.float64]


def make_images(
    deposits: Deposits,
    vertex: Vertex | None,
    *,
    detector: Detector,
    settings: ResponseConfig,
    rng: np.random.Generator,
) -> Images:
    """The images that a detector records of an event, with the truth of every site.

    Args:
        deposits: energy deposits.
        vertex: of the interaction; None for an event without one.
        detector: geometry.
        settings: response of charge and electronics.
        rng: source of the noise.
    Raises:
        ConfigError: noise_adc does not fit the detector.
    """
    require_noise_a_plane(detector, settings)
    pieces = cut_pieces(deposits, detector, settings)
    values, labels = [], []
    for projection in range(detector.num_projections):
        sums = shape_signal(sum_by_site(pieces, projection, detector), projection, detector, settings)
        value, label = digitise(sums, projection, detector, settings, rng)
        values.append(value)
        labels.append(label)
    return Images(values, None if deposits.origin_N is None else labels, None, vertex_clusters(vertex, detector))


def require_noise_a_plane(detector: Detector, settings: ResponseConfig) -> None:
    """There must be one noise value for every plane.

    Raises:
        ConfigError: there are fewer or more.
    """
    needed = 1 + max(block.plane for blocks in detector.blocks for block in blocks)
    if len(settings.noise_adc) != needed:
        raise ConfigError(
            f"convert.response.noise_adc={list(settings.noise_adc)} has {len(settings.noise_adc)} values, "
            f"detector {detector.name} has {needed} planes; try {[settings.noise_adc[-1]] * needed}"
        )


def cut_pieces(deposits: Deposits, detector: Detector, settings: ResponseConfig) -> Pieces:
    """Cut steps into equal pieces shorter than PIECE_SITES and let their charge drift to the readout."""
    step_N3 = deposits.end_cm_N3 - deposits.start_cm_N3
    longest_cm = 1.01 * PIECE_SITES * min(detector.site_cm)  # a step of 0.3 cm is two pieces, rounded up or down
    num_N = np.maximum(np.ceil(np.linalg.norm(step_N3, axis=1) / longest_cm).astype(np.int64), 1)
    of_M = np.repeat(np.arange(len(deposits)), num_N)
    number_M = np.arange(len(of_M)) - np.repeat(np.cumsum(num_N) - num_N, num_N)
    place_M3 = deposits.start_cm_N3[of_M] + ((number_M + 0.5) / num_N[of_M])[:, None] * step_N3[of_M]

    drift_us_M = drift_time_us(detector.drift_cm(place_M3), settings)
    electrons_M = (ionisation_electrons(deposits, settings) / num_N)[of_M] * surviving_share(drift_us_M, settings)
    energy_M = (deposits.energy_mev_N / num_N)[of_M]
    origin_N = np.zeros(len(deposits), np.int8) if deposits.origin_N is None else deposits.origin_N
    is_neutrino_M = (origin_N == SiteLabel.NEUTRINO)[of_M]
    coefficients = [settings.transverse_diffusion_cm2_s] * detector.ndim
    if detector.drift_axis is not None:
        coefficients[detector.drift_axis] = settings.longitudinal_diffusion_cm2_s
    sigmas = [diffusion_cm(drift_us_M, one) / size for one, size in zip(coefficients, detector.site_cm, strict=True)]
    return Pieces(
        coords_MD=detector.project(place_M3, deposits.time_us_N[of_M]),
        sigma_MD=np.stack(sigmas, axis=1),
        electrons_M=electrons_M,
        cosmic_mev_M=np.where(is_neutrino_M, 0.0, energy_M),
        neutrino_mev_M=np.where(is_neutrino_M, energy_M, 0.0),
    )


def sum_by_site(pieces: Pieces, projection: int, detector: Detector) -> SiteSums:
    """Spread every piece by diffusion and add up what falls into each site that is read out."""
    shape, (low, high) = detector.shapes[projection], _read_out(detector.blocks[projection])
    coords = pieces.coords_MD[projection]
    reach = 2.0 + NODE_SIGMAS[-1] * pieces.sigma_MD
    near = np.all((coords > low - reach) & (coords < high + reach), axis=1)
    coords, sigma = coords[near], pieces.sigma_MD[near]
    weighted = [column[near] for column in (pieces.electrons_M, pieces.cosmic_mev_M, pieces.neutrino_mev_M)]

    axes = range(len(shape))
    nearest = [[np.rint(coords[:, a] + s * sigma[:, a]).astype(np.int32) for s in NODE_SIGMAS] for a in axes]
    inside = [[(at >= low[a]) & (at < high[a]) for at in nearest[a]] for a in axes]
    ids, kept, shares = [], [], []
    for nodes in itertools.product(range(len(NODE_SIGMAS)), repeat=len(shape)):
        ok = np.logical_and.reduce([inside[a][node] for a, node in enumerate(nodes)])
        ids.append(np.ravel_multi_index([nearest[a][node][ok] for a, node in enumerate(nodes)], shape))
        kept.append(np.flatnonzero(ok))
        shares.append(np.full(len(kept[-1]), math.prod(NODE_WEIGHTS[node] for node in nodes)))
    of_Q, share_Q = np.concatenate(kept), np.concatenate(shares)
    sites_S, number_Q = _number_sites(np.concatenate(ids), math.prod(shape))
    return SiteSums(
        sites_S,
        *(_sum(number_Q, column[of_Q] * share_Q, len(sites_S)) for column in weighted),
    )


def shape_signal(sums: SiteSums, projection: int, detector: Detector, settings: ResponseConfig) -> SiteSums:
    """Smear the charge, not the true energy, along the drift, if any: electronics do not resolve single times."""
    axis, shape = detector.drift_axis, detector.shapes[projection]
    if axis is None:
        return sums
    low, high = (int(edge[axis]) for edge in _read_out(detector.blocks[projection]))
    taps = shaping_taps(settings.shaping_cm / detector.site_cm[axis])
    stride = math.prod(shape[axis + 1 :])
    position_S = sums.sites_S // stride % shape[axis]
    ids, charges = [], []
    for offset, share in zip(range(-(len(taps) // 2), len(taps) // 2 + 1), taps, strict=True):
        ok = (position_S + offset >= low) & (position_S + offset < high)
        ids.append(sums.sites_S[ok] + offset * stride)
        charges.append(sums.electrons_S[ok] * share)
    sites_S, number_Q = _number_sites(np.concatenate(ids), math.prod(shape))
    before = np.searchsorted(sites_S, sums.sites_S)
    energies = np.zeros((2, len(sites_S)))
    energies[:, before] = sums.cosmic_mev_S, sums.neutrino_mev_S
    return SiteSums(sites_S, _sum(number_Q, np.concatenate(charges), len(sites_S)), *energies)


def shaping_taps(sigma_sites: float) -> NDArray[np.float64]:
    """Shares of a normal response that fall into the sites around its centre; they add up to 1."""
    if sigma_sites == 0:
        return np.ones(1)
    radius = math.ceil(3.0 * sigma_sites)
    edges = [math.erf((k - 0.5) / (sigma_sites * math.sqrt(2.0))) for k in range(-radius, radius + 2)]
    return np.diff(edges) / (edges[-1] - edges[0])


def digitise(
    sums: SiteSums, projection: int, detector: Detector, settings: ResponseConfig, rng: np.random.Generator
) -> tuple[SparseImage, SparseImage]:
    """Add noise, suppress what stays below the threshold, label what is left by the energy truly deposited there."""
    shape, threshold_adc = detector.shapes[projection], settings.threshold_adc
    signal_S = sums.electrons_S / settings.electrons_per_adc
    coords = np.unravel_index(sums.sites_S, shape)
    sites, values = [], []
    for block in detector.blocks[projection]:
        sigma_adc = settings.noise_adc[block.plane]
        inside = [(at >= axis.start) & (at < axis.stop) for at, axis in zip(coords, block.sites, strict=True)]
        here = np.flatnonzero(np.logical_and.reduce(inside))
        value = signal_S[here] + sigma_adc * rng.standard_normal(len(here))
        kept = value >= threshold_adc
        alone, noise = noise_sites(
            rng, block, shape, axis=detector.drift_axis, sigma_adc=sigma_adc, threshold_adc=threshold_adc
        )
        free = ~_find(sums.sites_S, alone)[1]
        sites += [sums.sites_S[here[kept]], alone[free]]
        values += [value[kept], noise[free]]
    ids = np.concatenate(sites)
    order = np.argsort(ids)
    ids = ids[order]
    at, known = _find(sums.sites_S, ids)
    label = np.zeros(len(ids), np.float32)
    label[known] = site_labels(sums, settings.label_threshold_mev)[at[known]]
    adc = np.concatenate(values)[order].astype(np.float32)
    return _image(ids, adc, projection, detector), _image(ids, label, projection, detector)


def site_labels(sums: SiteSums, threshold_mev: float) -> NDArray[np.int64]:
    """int64[S]: neutrino where its energy reaches the threshold, else cosmic where its does, else background."""
    has_cosmic = (sums.cosmic_mev_S >= threshold_mev) & (sums.cosmic_mev_S > 0)
    has_neutrino = (sums.neutrino_mev_S >= threshold_mev) & (sums.neutrino_mev_S > 0)
    return np.where(has_neutrino, int(SiteLabel.NEUTRINO), np.where(has_cosmic, int(SiteLabel.COSMIC), 0))


def vertex_clusters(vertex: Vertex | None, detector: Detector) -> list[Clusters]:
    """For each projection one cluster of up to 3^D sites around the vertex; without sites if it lies outside the image.

    The cluster is always there: larcv 3.5.1 ends with a segmentation fault on an event that has none in any projection.
    """
    clusters = []
    for projection, shape in enumerate(detector.shapes):
        ids = np.zeros(0, np.int64)
        if vertex is not None:
            centre = np.rint(detector.project(vertex.place_cm[None], np.array([vertex.time_us]))[projection][0])
            around = np.array(list(itertools.product((-1, 0, 1), repeat=detector.ndim))) + centre
            inside = np.all((around >= 0) & (around < shape), axis=1)
            if np.all((centre >= 0) & (centre < shape)):
                ids = np.sort(np.ravel_multi_index(tuple(around[inside].astype(np.int64).T), shape)).astype(np.int64)
        image = _image(ids, np.ones(len(ids), np.float32), projection, detector)
        clusters.append(Clusters(image, lengths=np.array([len(ids)]), numbers=np.zeros(1, np.int64)))
    return clusters


def _read_out(blocks: tuple[ReadoutBlock, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one past the last site along each axis of the box that the blocks fill together."""
    low = np.min([[axis.start for axis in block.sites] for block in blocks], axis=0)
    high = np.max([[axis.stop for axis in block.sites] for block in blocks], axis=0)
    return low, high


def _find(sites_S: NDArray[np.int64], ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Position of each id in the ascending sites, and whether it is there at all."""
    at = np.searchsorted(sites_S, ids).astype(np.int64)
    return at, np.append(sites_S, -1)[at] == ids


def _number_sites(ids_Q: NDArray[np.int64], num_sites: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different ids, ascending, and which of them each id is.

    What np.unique does, by marking sites of the image in place of sorting: several times faster at our densities.
    """
    is_hit = np.zeros(num_sites, np.bool_)
    is_hit[ids_Q] = True
    sites_S = np.flatnonzero(is_hit)
    number = np.empty(num_sites, np.int64)
    number[sites_S] = np.arange(len(sites_S))
    return sites_S, number[ids_Q]


def _sum(group_Q: NDArray[np.int64], weight_Q: NDArray[np.float64], num: int) -> NDArray[np.float64]:
    """float64[num], the weights of each group added up."""
    return np.asarray(np.bincount(group_Q, weight_Q, minlength=num), np.float64)


def _image(ids: NDArray[np.int64], values: NDArray[np.float32], projection: int, detector: Detector) -> SparseImage:
    shape = detector.shapes[projection]
    size = tuple(num * extent for num, extent in zip(shape, detector.site_cm, strict=True))
    return SparseImage(ids, values, shape, projection, size=size, origin=detector.origin_cm)
