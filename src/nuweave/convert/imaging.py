"""From deposits to images: pieces of a step, diffusion, projection, shaping, noise, threshold, labels. Pure functions.

Shape letters: N deposits, M pieces of deposits, Q nodes of their clouds, S sites of an image, D axes of an image,
C columns of sums, B blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.config import ConfigError
from nuweave.config.convert import ResponseConfig
from nuweave.convert.event import Deposits, Images, Vertex
from nuweave.convert.kernels import (
    add_up,
    are_among,
    dominant_labels,
    noisy_sites,
    number_sites,
    smear_charge,
    spread_pieces,
)
from nuweave.convert.noise import noise_sites
from nuweave.convert.response import diffusion_cm, drift_time_us, ionisation_electrons, surviving_share
from nuweave.convert.vertex import one_cluster, sites_around
from nuweave.physics.detectors import Detector, ReadoutBlock
from nuweave.physics.truth import SemanticLabel, SiteLabel
from nuweave.store import Clusters, SparseImage

PIECE_SITES = 0.5  # longest piece of a step, in sites (and 1 % for rounding)


@dataclass(frozen=True)
class Pieces:
    """Deposits cut into pieces smaller than a site, and the charge that each sends to the readout.

    Attributes:
        coords_MD: float64[M, D] for each projection.
        sigma_MD: float64[M, D], diffusion along each axis of an image, in sites.
        electrons_M: float64[M], electrons that arrive.
        mev_M: float64[M], deposited energy.
        origin_M, semantic_M: int8[M], SiteLabel and SemanticLabel; BACKGROUND and NONE where the source cannot tell.
    """

    coords_MD: list[NDArray[np.float64]]
    sigma_MD: NDArray[np.float64]
    electrons_M: NDArray[np.float64]
    mev_M: NDArray[np.float64]
    origin_M: NDArray[np.int8]
    semantic_M: NDArray[np.int8]


@dataclass(frozen=True)
class SiteSums:
    """What arrives at the sites of one image.

    Attributes:
        sites_S: int64[S], all different, in the order in which they are met.
        electrons_S: float64[S].
        mev_S: float64[S], deposited energy.
        origin_S, semantic_S: int8[S], SiteLabel and SemanticLabel of what deposited most of it.
    """

    sites_S: NDArray[np.int64]
    electrons_S: NDArray[np.float64]
    mev_S: NDArray[np.float64]
    origin_S: NDArray[np.int8]
    semantic_S: NDArray[np.int8]


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
    values, labels, semantics = [], [], []
    for projection in range(detector.num_projections):
        sums = shape_signal(sum_by_site(pieces, projection, detector), projection, detector, settings)
        value, label, semantic = digitise(sums, projection, detector, settings, rng)
        values.append(value)
        labels.append(label)
        semantics.append(semantic)
    return Images(
        values,
        labels=None if deposits.origin_N is None else labels,
        semantics=None if deposits.semantic_N is None else semantics,
        vertex=vertex_clusters(vertex, detector),
    )


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
    coefficients = [settings.transverse_diffusion_cm2_s] * detector.ndim
    if detector.drift_axis is not None:
        coefficients[detector.drift_axis] = settings.longitudinal_diffusion_cm2_s
    sigmas = [diffusion_cm(drift_us_M, one) / size for one, size in zip(coefficients, detector.site_cm, strict=True)]
    labels = [
        np.full(len(of_M), unknown, np.int8) if known is None else known[of_M]
        for known, unknown in (
            (deposits.origin_N, SiteLabel.BACKGROUND),
            (deposits.semantic_N, SemanticLabel.NONE),
        )
    ]
    return Pieces(
        coords_MD=detector.project(place_M3, deposits.time_us_N[of_M]),
        sigma_MD=np.stack(sigmas, axis=1),
        electrons_M=(ionisation_electrons(deposits, settings, detector.medium) / num_N)[of_M]
        * surviving_share(drift_us_M, settings),
        mev_M=(deposits.energy_mev_N / num_N)[of_M],
        origin_M=labels[0],
        semantic_M=labels[1],
    )


def sum_by_site(pieces: Pieces, projection: int, detector: Detector) -> SiteSums:
    """Spread every piece by diffusion and add up what falls into each site that is read out."""
    first_origin, first_semantic = 2, 2 + len(SiteLabel)
    ids_Q, share_Q, piece_Q = spread_pieces(
        pieces.coords_MD[projection],
        pieces.sigma_MD,
        _read_out(detector.blocks[projection]),
        np.array(detector.shapes[projection]),
    )
    sites_S, number_Q = number_sites(ids_Q)
    sums_SC = add_up(
        number_Q,
        share_Q,
        piece_Q,
        np.stack([pieces.electrons_M, pieces.mev_M], axis=1),
        np.stack([first_origin + pieces.origin_M, first_semantic + pieces.semantic_M], axis=1),
        len(sites_S),
        first_semantic + len(SemanticLabel),
    )
    return SiteSums(
        sites_S,
        electrons_S=sums_SC[:, 0].copy(),
        mev_S=sums_SC[:, 1].copy(),
        origin_S=dominant_labels(sums_SC[:, first_origin:first_semantic]),
        semantic_S=dominant_labels(sums_SC[:, first_semantic:]),
    )


def shape_signal(sums: SiteSums, projection: int, detector: Detector, settings: ResponseConfig) -> SiteSums:
    """Smear the charge, not the true energy, along the drift, if any: electronics do not resolve single times."""
    axis, shape = detector.drift_axis, detector.shapes[projection]
    if axis is None:
        return sums
    sites_S, electrons_S = smear_charge(
        sums.sites_S,
        sums.electrons_S,
        shaping_taps(
            _of_image(settings.shaping_cm, projection) / detector.site_cm[axis],
            _of_image(settings.undershoot, projection),
        ),
        math.prod(shape[axis + 1 :]),
        shape[axis],
        _read_out(detector.blocks[projection])[:, axis],
    )
    nothing = np.zeros(len(sites_S) - len(sums.sites_S), np.int8)
    return SiteSums(
        sites_S,
        electrons_S,
        mev_S=np.concatenate([sums.mev_S, nothing]),
        origin_S=np.concatenate([sums.origin_S, nothing + np.int8(SiteLabel.BACKGROUND)]),
        semantic_S=np.concatenate([sums.semantic_S, nothing + np.int8(SemanticLabel.NONE)]),
    )


def _of_image(values: Sequence[float], projection: int) -> float:
    """The setting of an image; the last value holds for all that follow."""
    return values[min(projection, len(values) - 1)]


def shaping_taps(sigma_sites: float, undershoot: float = 0.0) -> NDArray[np.float64]:
    """Shares of a response that fall into the sites around its centre; they add up to 1.

    Args:
        sigma_sites: standard deviation of a normal response.
        undershoot: one twice as wide is taken off so many times, the rest made larger: the filter that unfolds the
            signals of wires swings below zero beside a peak.
    """
    if sigma_sites == 0:
        return np.ones(1)
    offsets = np.arange(-math.ceil(3.0 * sigma_sites), math.ceil(3.0 * sigma_sites) + 1)
    edges = np.append(offsets - 0.5, offsets[-1] + 0.5) / (sigma_sites * math.sqrt(2.0))
    narrow, wide = (np.diff([math.erf(edge / scale) for edge in edges]) for scale in (1.0, 2.0))
    taps = (1.0 + undershoot) * narrow - undershoot * wide
    return np.asarray(taps / taps.sum())


def digitise(
    sums: SiteSums, projection: int, detector: Detector, settings: ResponseConfig, rng: np.random.Generator
) -> tuple[SparseImage, SparseImage, SparseImage]:
    """Add noise, suppress what stays below the threshold, label what is left by the energy truly deposited there.

    Returns:
        values, SiteLabels and SemanticLabels of the same sites.
    """
    shape, blocks = detector.shapes[projection], detector.blocks[projection]
    kept, adc = noisy_sites(
        rng,
        sums.sites_S,
        sums.electrons_S / settings.electrons_per_adc,
        np.array(shape),
        np.stack([_read_out((block,)) for block in blocks]),
        np.array([settings.noise_adc[block.plane] for block in blocks]),
        settings.threshold_adc,
    )
    alone = [
        noise_sites(
            rng,
            block,
            shape,
            axis=detector.drift_axis,
            sigma_adc=settings.noise_adc[block.plane],
            threshold_adc=settings.threshold_adc,
        )
        for block in blocks
    ]
    noise_ids, noise_adc = (np.concatenate(parts) for parts in zip(*alone, strict=True))
    free = ~are_among(noise_ids, sums.sites_S)
    ids = np.concatenate([sums.sites_S[kept], noise_ids[free]])
    order = np.argsort(ids, kind="stable")  # a merge sort: tracks and noise are runs that ascend already
    ids = ids[order]

    def image(of_signal: NDArray[Any], of_noise: NDArray[Any]) -> SparseImage:
        values = np.concatenate([of_signal, of_noise], dtype=np.float32, casting="same_kind")[order]
        return _image(ids, values, projection, detector)

    origin, semantic = site_labels(sums, kept, settings.label_threshold_mev)
    num_free = np.count_nonzero(free)
    return (
        image(adc, noise_adc[free]),
        image(origin, np.full(num_free, SiteLabel.BACKGROUND, np.int8)),
        image(semantic, np.full(num_free, SemanticLabel.NONE, np.int8)),
    )


def site_labels(
    sums: SiteSums, chosen: NDArray[np.int64], threshold_mev: float
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """SiteLabel and SemanticLabel, int8, of chosen sites: of what deposited most, if all energy reaches the threshold.

    Else, and where there is none, BACKGROUND and NONE.
    """
    mev = sums.mev_S[chosen]
    enough = (mev >= threshold_mev) & (mev > 0)
    return (
        np.where(enough, sums.origin_S[chosen], np.int8(SiteLabel.BACKGROUND)),
        np.where(enough, sums.semantic_S[chosen], np.int8(SemanticLabel.NONE)),
    )


def vertex_clusters(vertex: Vertex | None, detector: Detector) -> list[Clusters]:
    """For each projection one cluster of up to 3^D sites around the vertex; without sites if it lies outside the image.

    The cluster is always there: larcv 3.5.1 ends with a segmentation fault on an event that has none in any projection.
    """
    clusters = []
    for projection, shape in enumerate(detector.shapes):
        ids = np.zeros(0, np.int64)
        if vertex is not None:
            place = detector.project(vertex.place_cm[None], np.array([vertex.time_us]))[projection][0]
            ids = sites_around(np.rint(place), shape)
        clusters.append(one_cluster(_image(ids, np.ones(len(ids), np.float32), projection, detector)))
    return clusters


@cache
def _read_out(blocks: tuple[ReadoutBlock, ...]) -> NDArray[np.int64]:
    """int64[2, D], first and one past the last site along each axis of the box that the blocks fill together."""
    low = np.min([[axis.start for axis in block.sites] for block in blocks], axis=0)
    high = np.max([[axis.stop for axis in block.sites] for block in blocks], axis=0)
    bounds = np.stack([low, high]).astype(np.int64)
    bounds.flags.writeable = False  # it is kept
    return bounds


def _image(ids: NDArray[np.int64], values: NDArray[np.float32], projection: int, detector: Detector) -> SparseImage:
    shape = detector.shapes[projection]
    size = tuple(num * extent for num, extent in zip(shape, detector.site_cm, strict=True))
    return SparseImage(ids, values, shape, projection, size=size, origin=detector.origin_cm)
