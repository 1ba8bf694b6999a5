"""Electrons and photons: the first centimetres, and the gap before a photon shows.

A photon becomes a pair of electrons, so its shower begins with twice the ionisation of one electron, after a gap: by
these two, electron neutrinos are told from neutral pions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from nuweave.simulate.tracks import CONVERSION
from nuweave.validate.record import Findings, Histogram, error_of_mean, near
from nuweave.validate.shoot import Shots, shoot

ELECTRON, PHOTON = 11, 22
KINETIC_MEV = 1000.0
NUM_ELECTRONS, NUM_PHOTONS = 800, 3000
START_CM, RADIUS_CM = 2.4, 1.0  # of the cylinder that counts as start of a shower; length as ArgoNeuT's (1610.04102)
MIP_MEV_CM = 2.1  # mean loss at the minimum of the Bethe formula
MIP_TOLERANCE = 0.15  # the most probable loss lies below the mean, by a tenth
GAP_CM, GAP_TOLERANCE = 18.0, 0.10  # 9/7 of the radiation length
PEAK_RANGE_MEV_CM, KERNEL = (0.5, 8.0), 0.15  # where a peak is sought, and with a kernel of which share of the width
DEDX_BINS, GAP_BINS = np.arange(51) / 5, np.arange(26) * 4.0


class Start(NamedTuple):
    """Starts of showers: float64[N] energy loss a length [MeV/cm], and float64[N] gap before them [cm]."""

    dedx_mev_cm: NDArray[np.float64]
    gap_cm: NDArray[np.float64]


def check_showers(*, seed: int) -> Findings:
    """Where the starts of electrons and photons peak in dE/dx, and how far photons go."""
    electrons = shower_starts(ELECTRON, num=NUM_ELECTRONS, seed=seed)
    photons = shower_starts(PHOTON, num=NUM_PHOTONS, seed=seed)
    rows = []
    for name, starts, mips in (("electrons", electrons, 1), ("photons", photons, 2)):
        value, note = peak(starts.dedx_mev_cm) / MIP_MEV_CM, f"{KINETIC_MEV:g} MeV, first {START_CM:g} cm"
        rows.append(near("showers", f"peak of dE/dx of {name}", value, mips, MIP_TOLERANCE, "MIP", note))
    gaps = photons.gap_cm
    mean, note = float(gaps.mean()), f"{error_of_mean(gaps)}, {KINETIC_MEV:g} MeV"
    rows.append(near("showers", "mean gap before photons convert", mean, GAP_CM, GAP_TOLERANCE, "cm", note))
    return Findings(rows, [*_dedx_figures(electrons, photons), _gap_figure(gaps)])


def shower_starts(pdg: int, *, num: int, seed: int) -> Start:
    """The starts of the showers of electrons or photons, shot one by one; photons that scatter first do not count."""
    found = []
    for shot in range(num):
        start = shower_start(shoot(pdg, KINETIC_MEV, num=1, seed=seed * num + shot))
        found += [] if start is None else [start]
    dedx, gap = np.array(found).T
    return Start(dedx, gap)


def shower_start(shot: Shots) -> tuple[float, float] | None:
    """dE/dx [MeV/cm] and gap [cm] of one shot along z; None for a photon that does not convert.

    The shower of an electron starts where the electron does, that of a photon where it converts.
    """
    first, deposits = shot.tracks[0], shot.deposits
    if first["pdg"] == PHOTON and first["end_process"] != CONVERSION:
        return None
    end = "" if first["pdg"] == PHOTON else "_start"
    x, y, z = (0.5 * (deposits[f"{axis}_start"] + deposits[f"{axis}_end"]) - first[f"{axis}{end}"] for axis in "xyz")
    inside = (z >= 0) & (z < START_CM) & (np.hypot(x, y) < RADIUS_CM)
    gap = float(first["length"]) if first["pdg"] == PHOTON else 0.0
    return float(deposits["energy"][inside].sum()) / START_CM, gap


def peak(dedx_mev_cm: NDArray[np.float64]) -> float:
    """The most frequent dE/dx [MeV/cm]: where a smooth density of the sample is highest."""
    low, high = PEAK_RANGE_MEV_CM
    density = gaussian_kde(dedx_mev_cm[(dedx_mev_cm > low) & (dedx_mev_cm < high)], bw_method=KERNEL)
    grid = np.linspace(low, high, 1001)
    return float(grid[np.argmax(density(grid))])


def _dedx_figures(electrons: Start, photons: Start) -> list[Histogram]:
    figures = []
    for label, starts in (("electrons", electrons), ("photons", photons)):
        share = np.histogram(starts.dedx_mev_cm, DEDX_BINS)[0] / len(starts.dedx_mev_cm)
        quantity = f"dE/dx in the first {START_CM:g} cm"
        bins, counts = DEDX_BINS.tolist(), share.tolist()
        figures.append(Histogram("shower_start", label, quantity, "MeV/cm", "particle", bins, counts))
    return figures


def _gap_figure(gaps: NDArray[np.float64]) -> Histogram:
    """The gaps, and the exponential that they should follow."""
    share = np.histogram(gaps, GAP_BINS)[0] / len(gaps)
    expected = -np.diff(np.exp(-GAP_BINS / GAP_CM))
    bins = GAP_BINS.tolist()
    return Histogram(
        "photon_gap", "photons", "gap before conversion", "cm", "particle", bins, share.tolist(), expected.tolist()
    )
