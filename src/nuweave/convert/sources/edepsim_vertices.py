"""Truth from the vertices of an edep-sim ROOT file: pure functions.

A neutrino is a vertex with GENIE's account of its reaction ("nu:14;tgt:1000180400;N:2112;proc:Weak[CC],QES;"), a cosmic
particle one whose generator says so. The energy of the neutrino is not in the account: it is NaN.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave.convert.event import Vertex
from nuweave.convert.sources.edepsim_bytes import Particles
from nuweave.convert.sources.semantics import find_rows
from nuweave.physics.truth import NEUTRAL_CURRENT, Mode, SiteLabel
from nuweave.store import PARTICLE

CM_MM, US_NS, GEV_MEV = 0.1, 1e-3, 1e-3
REACTION = re.compile(r"nu:(?P<pdg>-?\d+);.*proc:Weak\[(?P<current>CC|NC)\],(?P<process>\w+)")
MODE_OF_PROCESS = {"QES": Mode.QE, "RES": Mode.RES, "DIS": Mode.DIS, "MEC": Mode.OTHER, "COH": Mode.OTHER}
COSMIC_GENERATORS = re.compile(r"corsika|cosmic|\bcry\b", re.IGNORECASE)


class RootVertex(NamedTuple):
    """A vertex: float64[4] x, y, z [mm] and t [ns], the account of its reaction, its generator, its particles."""

    place: NDArray[np.float64]
    reaction: str
    generator: str
    particles: Particles


class Reaction(NamedTuple):
    """What a neutrino did: its PDG code, 0 CC or 1 NC, how it scattered (None: in none of the known ways)."""

    pdg: int
    current_type: int
    mode: Mode | None


def read_reaction(account: str) -> Reaction | None:
    """What GENIE's account says; None where it is no account of a neutrino."""
    found = REACTION.search(account)
    if found is None:
        return None
    current_type = NEUTRAL_CURRENT if found["current"] == "NC" else 0
    return Reaction(int(found["pdg"]), current_type, MODE_OF_PROCESS.get(found["process"]))


def site_label(reaction: str, generator: str) -> SiteLabel | None:
    """What the energy of a vertex is labelled; None where nothing says what it is."""
    if read_reaction(reaction) is not None:
        return SiteLabel.NEUTRINO
    return SiteLabel.COSMIC if COSMIC_GENERATORS.search(generator) else None


def vertex_of_hits(primary_N: NDArray[Any], vertices: Sequence[RootVertex]) -> NDArray[np.int64]:
    """int64[N], the vertex of each hit by its primary particle; -1 where it is in none."""
    primaries = [vertex.particles.track_P for vertex in vertices]
    of_P = np.repeat(np.arange(len(vertices)), [len(one) for one in primaries])
    row_N, found_N = find_rows(np.concatenate([np.zeros(0, np.int32), *primaries]), primary_N)
    return np.where(found_N, np.append(of_P, -1)[row_N], -1)


def most_energetic(
    vertices: Sequence[RootVertex], vertex_N: NDArray[np.int64], energy_N: NDArray[np.float64], *, neutrinos: bool
) -> RootVertex | None:
    """Of all vertices, or of the neutrinos' only, the one that deposited most energy; None where there is none."""
    energy_V = [float(energy_N[vertex_N == number].sum()) for number in range(len(vertices))]
    allowed = [at for at, one in enumerate(vertices) if not neutrinos or read_reaction(one.reaction) is not None]
    return vertices[max(allowed, key=energy_V.__getitem__)] if allowed else None


def place_of(vertex: RootVertex | None) -> Vertex | None:
    """A vertex in cm and us."""
    return None if vertex is None else Vertex(CM_MM * vertex.place[:3], US_NS * float(vertex.place[3]))


def read_rows(vertex: RootVertex | None) -> NDArray[Any]:
    """The neutrino of a vertex and its final state as rows of PARTICLE; no rows without one."""
    reaction = None if vertex is None else read_reaction(vertex.reaction)
    if vertex is None or reaction is None:
        return np.zeros(0, PARTICLE)
    final = vertex.particles
    rows = np.zeros(1 + len(final.pdg_P), PARTICLE)
    rows["pdg"] = [reaction.pdg, *final.pdg_P]
    rows["current_type"], rows["interaction_type"] = -1, -1
    rows["current_type"][0] = reaction.current_type
    for column, name in enumerate(("px", "py", "pz", "energy_init")):
        rows[name] = [np.nan, *(GEV_MEV * final.momentum_P4[:, column])]
    for axis, place in zip("xyzt", [*(CM_MM * vertex.place[:3]), vertex.place[3]], strict=True):
        rows["vtx"][axis] = place
    rows["trackid"][1:] = final.track_P
    return rows
