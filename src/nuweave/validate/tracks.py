"""Muons and protons: energy loss and range against those of the Bethe formula.

Source of the expected values: numerical integration of the Bethe formula with density effect in liquid argon of
1.396 g/cm3, independent of this package (CSDA ranges; radiative losses are left out).
"""

from __future__ import annotations

from nuweave.simulate.tracks import INELASTIC, TRANSPORTATION
from nuweave.validate.record import Findings, Row, error_of_mean, near
from nuweave.validate.shoot import shoot

MUON, PROTON = 13, 2212
NAMES = {MUON: "muon", PROTON: "proton"}
DEDX_MEV_CM = {
    MUON: {20: 4.89, 100: 2.33, 300: 2.11, 1000: 2.29, 4000: 2.60},
    PROTON: {20: 25.3, 50: 12.3, 100: 7.29, 300: 3.57},
}
RANGE_CM = {MUON: {100: 30.0, 200: 76.0, 500: 218.0, 1000: 442.0}, PROTON: {50: 2.3, 100: 7.8, 200: 25.9, 500: 115.0}}
TOLERANCE = 0.03
LOST = 0.02  # share of the kinetic energy that is lost where dE/dx is measured
PATH_CM, MOST_SHOTS = 1e5, 20000  # argon that is crossed in all, in at most so many shots
NUM_RANGES = 200


def check_tracks(*, seed: int) -> Findings:
    """dE/dx and ranges of muons and protons at a few energies, within 3 %."""
    rows = [
        measure_dedx(pdg, kinetic, expected, seed=seed)
        for pdg, table in DEDX_MEV_CM.items()
        for kinetic, expected in table.items()
    ]
    rows += [
        measure_range(pdg, kinetic, expected, seed=seed)
        for pdg, table in RANGE_CM.items()
        for kinetic, expected in table.items()
    ]
    return Findings(rows)


def measure_dedx(pdg: int, kinetic_mev: float, expected_mev_cm: float, *, seed: int) -> Row:
    """Mean loss a length, delta rays included, over so short a way that the energy in the middle is the one asked for.

    Args:
        pdg: kind of particle.
        kinetic_mev: its kinetic energy.
        expected_mev_cm: what the loss should be.
        seed: of the shots.
    """
    length_cm = LOST * kinetic_mev / expected_mev_cm
    num = min(int(PATH_CM / length_cm), MOST_SHOTS)
    start_mev = kinetic_mev * (1 + LOST / 2)
    tracks = shoot(pdg, start_mev, num=num, seed=seed, length_cm=length_cm, showers=False).tracks[:num]
    crossed = tracks[tracks["end_process"] == TRANSPORTATION]
    loss = (crossed["kinetic_start"] - crossed["kinetic"]) / crossed["length"]
    quantity, note = f"dE/dx of {NAMES[pdg]}s of {kinetic_mev:g} MeV", error_of_mean(loss)
    return near("tracks", quantity, float(loss.mean()), expected_mev_cm, TOLERANCE, "MeV/cm", note)


def measure_range(pdg: int, kinetic_mev: float, expected_cm: float, *, seed: int) -> Row:
    """Mean length of the tracks that stop, met no nucleus and did not decay before; arguments as of `measure_dedx`."""
    tracks = shoot(pdg, kinetic_mev, num=NUM_RANGES, seed=seed, showers=False).tracks[:NUM_RANGES]
    length = tracks["length"][(tracks["kinetic"] == 0) & (tracks["end_process"] != INELASTIC)]
    quantity, note = f"range of {NAMES[pdg]}s of {kinetic_mev:g} MeV", error_of_mean(length)
    return near("tracks", quantity, float(length.mean()), expected_cm, TOLERANCE, "cm", note)
