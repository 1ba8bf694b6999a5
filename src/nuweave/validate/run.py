"""All checks, one after another."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from nuweave.validate.deposits import check_deposits
from nuweave.validate.network import check_networks
from nuweave.validate.record import Findings
from nuweave.validate.sbnd import check_sbnd
from nuweave.validate.showers import check_showers
from nuweave.validate.tracks import check_tracks
from nuweave.validate.voxels import check_energy


def run_checks(
    *,
    reference: Path | None,
    networks: Sequence[Path],
    edepsim: Sequence[Path],
    volume: str | None,
    num_events: int,
    seed: int,
) -> Findings:
    """Examine the embedded generator and the conversion, and the given files.

    Args:
        reference: larcv3 file of real SBND events, or None.
        networks: metrics.json of segmentation networks, evaluated on real events.
        edepsim: files of energy deposits, mostly muons.
        volume: the sensitive detector to read in those that have several.
        num_events: SBND events to simulate, and events of each file to read at most.
        seed: of all that is simulated.
    Raises:
        UserError: a file cannot be used.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [
            check_deposits(edepsim, volume=volume, num_events=num_events),
            check_sbnd(folder, reference=reference, num_events=num_events, seed=seed),
            check_networks(networks),
            check_tracks(seed=seed),
            check_energy(folder, seed=seed),
            check_showers(seed=seed),
        ]
    return Findings([row for one in found for row in one.rows], [figure for one in found for figure in one.figures])
