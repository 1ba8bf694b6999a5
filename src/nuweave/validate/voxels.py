"""Energy on its way from deposits to voxels: none is lost and none is made."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from nuweave.config.convert import ResponseConfig
from nuweave.config.simulate import SimulateConfig
from nuweave.convert.event import Deposits
from nuweave.convert.imaging import make_images
from nuweave.convert.response import ionisation_electrons
from nuweave.convert.sources import open_source
from nuweave.physics.detectors import get_detector
from nuweave.simulate import simulate_file
from nuweave.validate.record import Findings, between

NUM_EVENTS = 3
MARGIN_CM = 4.0  # deposits nearer to a wall are left out: diffusion may carry their charge through it
MIP_MEV_CM = 2.1
QUIET = ResponseConfig(noise_adc=(0.0,), threshold_adc=1e-9, electron_lifetime_ms=1e12, undershoot=(0.0,))
TOLERANCE = 1e-5


def check_energy(folder: Path, *, seed: int) -> Findings:
    """Deposits of simulated events in `cube` against their voxels, without noise, threshold, undershoot and loss.

    Args:
        folder: for the file of events.
        seed: of the events.
    """
    detector, path = get_detector("cube"), folder / "cube.h5"
    settings = SimulateConfig(events_per_file=NUM_EVENTS, cosmic_rate_khz=0.0)
    simulate_file(path, settings=settings, detector=detector, seed=seed, file=0)
    energy, charge = [], []
    with closing(open_source("edepsim_h5", path)) as source:
        for entry in range(len(source)):
            content = source.event(entry).content
            assert isinstance(content, Deposits), "edep-sim files hold deposits"
            deposits = contained(content, detector.bounds_cm)
            # of one recombination for all, so that charge is energy
            alike = replace(deposits, dedx_mev_cm_N=np.full(len(deposits), MIP_MEV_CM))
            energy.append(relative_difference(alike))
            charge.append(relative_difference(deposits))
    note = f"largest of {len(energy)} events, detector cube"
    rows = [
        between("energy", f"{name} in voxels / deposited - 1", max(found), 0.0, TOLERANCE, "", note)
        for name, found in (("energy", energy), ("charge", charge))
    ]
    return Findings(rows)


def contained(deposits: Deposits, bounds_cm: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Deposits:
    """The deposits that lie away from the walls."""
    low, high = bounds_cm[:, 0] + MARGIN_CM, bounds_cm[:, 1] - MARGIN_CM
    ends = (deposits.start_cm_N3, deposits.end_cm_N3)
    inside = np.logical_and.reduce([np.all((place > low) & (place < high), axis=1) for place in ends])
    inside &= np.abs(deposits.time_us_N) < MARGIN_CM  # later ones would appear displaced by 0.16 cm/us
    return Deposits(
        start_cm_N3=deposits.start_cm_N3[inside],
        end_cm_N3=deposits.end_cm_N3[inside],
        time_us_N=deposits.time_us_N[inside],
        energy_mev_N=deposits.energy_mev_N[inside],
        dedx_mev_cm_N=deposits.dedx_mev_cm_N[inside],
        origin_N=None,
        semantic_N=None,
    )


def relative_difference(deposits: Deposits) -> float:
    """By which share the charge in all voxels differs from that of the deposits."""
    rng = np.random.default_rng(0)  # not drawn from: there is no noise
    detector = get_detector("cube")
    images = make_images(deposits, None, detector=detector, settings=QUIET, rng=rng)
    found = float(images.values[0].values.sum(dtype=np.float64)) * QUIET.electrons_per_adc
    return abs(found / float(ionisation_electrons(deposits, QUIET, detector.medium).sum()) - 1)
