"""Truth from vertices that are drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nuweave.convert.sources.edepsim_bytes import Particles
from nuweave.convert.sources.edepsim_vertices import (
    Reaction,
    RootVertex,
    most_energetic,
    place_of,
    read_reaction,
    read_rows,
    site_label,
    vertex_of_hits,
)
from nuweave.physics.truth import Mode, SiteLabel

NUMU_QE = "nu:14;tgt:1000180400;N:2112;proc:Weak[CC],QES;"


def vertex(*tracks: int, reaction: str = "", generator: str = "GENIE") -> RootVertex:
    """A vertex at (10, 20, 30) mm and 4 ns, with a muon and protons of 1 GeV."""
    num = len(tracks)
    momentum = np.tile([300.0, 0.0, 400.0, 1000.0], (num, 1))
    pdg = np.array([13, *([2212] * (num - 1))], np.int32)
    return RootVertex(
        np.array([10.0, 20.0, 30.0, 4.0]), reaction, generator, Particles(np.array(tracks, np.int32), pdg, momentum)
    )


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (NUMU_QE, Reaction(14, 0, Mode.QE)),
        ("nu:-12;tgt:1000180400;N:2212;q:2(v);proc:Weak[NC],DIS;", Reaction(-12, 1, Mode.DIS)),
        ("nu:14;tgt:1000180400;N:2212;proc:Weak[CC],RES;res:0;", Reaction(14, 0, Mode.RES)),
        ("nu:14;tgt:1000180400;proc:Weak[CC],COH;", Reaction(14, 0, Mode.OTHER)),
        ("nu:14;tgt:1000180400;N:2000000201;proc:Weak[CC],MEC;", Reaction(14, 0, Mode.OTHER)),
        ("nu:16;tgt:1000180400;proc:Weak[CC],IMD;", Reaction(16, 0, None)),
        ("", None),
        ("gps", None),
    ],
)
def test_the_account_of_a_reaction(account: str, expected: Reaction | None) -> None:
    assert read_reaction(account) == expected


@pytest.mark.parametrize(
    ("reaction", "generator", "label"),
    [
        (NUMU_QE, "GENIE:file.root", SiteLabel.NEUTRINO),
        ("", "CORSIKA", SiteLabel.COSMIC),
        ("", "CosmicRays", SiteLabel.COSMIC),
        ("", "CRY", SiteLabel.COSMIC),
        ("", "gps:fixed@free-fixed", None),
        ("", "", None),
    ],
)
def test_what_nothing_tells_has_no_label(reaction: str, generator: str, label: SiteLabel | None) -> None:
    assert site_label(reaction, generator) == label


def test_hits_belong_to_the_vertex_of_their_primary() -> None:
    vertices = [vertex(0, 1), vertex(5)]
    assert vertex_of_hits(np.array([5, 1, 0, 7]), vertices).tolist() == [1, 0, 0, -1]
    assert vertex_of_hits(np.array([5]), []).tolist() == [-1]


def test_the_vertex_that_deposits_most_is_the_event_and_only_a_neutrino_where_they_are_known() -> None:
    vertices = [vertex(0, reaction=NUMU_QE), vertex(1, reaction=NUMU_QE), vertex(2, generator="CORSIKA")]
    of, energy = np.array([0, 1, 2, 2]), np.array([1.0, 2.0, 5.0, 5.0])
    assert most_energetic(vertices, of, energy, neutrinos=True) is vertices[1]
    assert most_energetic(vertices, of, energy, neutrinos=False) is vertices[2]
    assert most_energetic(vertices[2:], of, energy, neutrinos=True) is None
    assert most_energetic([], of, energy, neutrinos=False) is None


def test_rows_are_the_neutrino_and_its_final_state() -> None:
    rows = read_rows(vertex(3, 4, reaction=NUMU_QE))
    assert rows["pdg"].tolist() == [14, 13, 2212]
    assert rows["current_type"].tolist() == [0, -1, -1]
    assert rows["energy_init"][1:].tolist() == [1.0, 1.0]
    assert np.isnan([rows["energy_init"][0], rows["px"][0]]).all()  # GENIE's account does not say
    assert rows["px"][1:].tolist() == [0.3, 0.3]
    assert [float(rows["vtx"][axis][0]) for axis in "xyzt"] == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert len(read_rows(vertex(3))) == 0
    assert len(read_rows(None)) == 0


def test_places_are_in_cm_and_us() -> None:
    found = place_of(vertex(1))
    assert found is not None
    assert found.place_cm == pytest.approx([1.0, 2.0, 3.0])
    assert found.time_us == pytest.approx(0.004)
    assert place_of(None) is None
