"""The edep-sim adapter on a hand-made file and on files of other dialects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nuweave.convert.event import Deposits
from nuweave.convert.sources import open_source
from nuweave.convert.sources.edepsim_h5 import EdepSimH5
from nuweave.physics.detectors import get_detector
from nuweave.physics.truth import Mode, SiteLabel
from nuweave.store import StoreError
from nuweave.store.edepsim import write_edepsim
from tests.convert.handmade import edepsim_tables, write_edepsim_file

SBND = get_detector("sbnd")


@pytest.fixture
def source(tmp_path: Path) -> EdepSimH5:
    return EdepSimH5(write_edepsim_file(tmp_path / "hand.h5", SBND))


def test_events_keep_their_numbers_and_the_file_its_generator(source: EdepSimH5) -> None:
    assert [source.event(entry).number for entry in range(len(source))] == [10, 11, 12]
    assert (source.generator, source.generator_seed) == ("by hand", "4")
    assert source.provides.site_labels


def test_deposits_of_a_vertex_in_mc_hdr_are_neutrino(source: EdepSimH5) -> None:
    content = source.event(0).content
    assert isinstance(content, Deposits)
    along_y = np.abs(content.end_cm_N3 - content.start_cm_N3)[:, 1] > 0.1
    assert np.array_equal(content.origin_N == SiteLabel.NEUTRINO, along_y)
    assert content.energy_mev_N == pytest.approx(0.63)
    assert content.dedx_mev_cm_N == pytest.approx(2.1, rel=1e-3)


def test_truth_is_the_neutrino_and_its_final_state_in_gev(source: EdepSimH5) -> None:
    particles = source.event(0).particles
    assert particles is not None
    assert particles["pdg"].tolist() == [14, 13, 2212, 2212]
    assert particles["energy_init"] == pytest.approx([0.9, 0.605658, 1.038272, 0.943272])
    assert particles["pz"] == pytest.approx([0.0, 0.596, 0.4446, 0.097])
    assert (particles["current_type"][0], particles["interaction_type"][0]) == (0, 1001)
    assert [float(particles["vtx"][axis][0]) for axis in "xyzt"] == [-30.0, 0.0, 250.0, 1500.0]


@pytest.mark.parametrize(
    ("flag", "mode"),
    [
        ("isQES", Mode.QE),
        ("isRES", Mode.RES),
        ("isDIS", Mode.DIS),
        ("isMEC", Mode.OTHER),
        ("isCOH", Mode.OTHER),
        ("isCC", None),
    ],
)
def test_the_mode_is_what_is_flagged_whatever_the_code_of_the_reaction(
    tmp_path: Path, flag: str, mode: Mode | None
) -> None:
    tables = edepsim_tables(SBND)
    tables.mc_hdr["isQES"] = False
    tables.mc_hdr[flag] = True
    tables.mc_hdr["reaction"] = 1003
    write_edepsim(tmp_path / "a.h5", tables)
    source = EdepSimH5(tmp_path / "a.h5")
    assert source.event(0).mode is mode
    assert source.event(2).mode is None  # no neutrino


def test_an_event_without_a_neutrino_has_no_truth_rows(source: EdepSimH5) -> None:
    event = source.event(2)
    assert event.particles is not None
    assert len(event.particles) == 0
    assert isinstance(event.content, Deposits)
    assert np.all(event.content.origin_N == SiteLabel.COSMIC)


def test_the_order_of_rows_does_not_matter(tmp_path: Path, source: EdepSimH5) -> None:
    tables = edepsim_tables(SBND)
    write_edepsim(tmp_path / "mixed.h5", replace(tables, segments=tables.segments[::-1], mc_hdr=tables.mc_hdr[::-1]))
    mixed = EdepSimH5(tmp_path / "mixed.h5")
    for entry in range(3):
        one, other = source.event(entry), mixed.event(entry)
        assert isinstance(one.content, Deposits)
        assert isinstance(other.content, Deposits)
        assert np.array_equal(np.sort(one.content.start_cm_N3[:, 2]), np.sort(other.content.start_cm_N3[:, 2]))


def test_times_count_from_the_trigger(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND)
    for table, names in ((tables.vertices, ["t_event"]), (tables.segments, ["t0_start", "t0_end"])):
        for name in names:
            table[name] = 1.2e6
    tables.segments["t0_end"] += 3.0
    tables.mc_hdr["t_vert"] = 1.2e6 + 1.5
    write_edepsim(tmp_path / "spill.h5", tables)
    event = EdepSimH5(tmp_path / "spill.h5").event(0)
    assert isinstance(event.content, Deposits)
    assert event.content.time_us_N == pytest.approx(1.5)
    assert event.particles is not None
    assert float(event.particles["vtx"]["t"][0]) == pytest.approx(1500.0)


def test_of_two_neutrinos_the_one_that_deposits_more_is_the_event(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND, num_events=2)
    rock = tables.mc_hdr.copy()
    rock["vertex_id"], rock["nu_pdg"] = 3, 12
    write_edepsim(tmp_path / "two.h5", replace(tables, mc_hdr=np.concatenate([rock, tables.mc_hdr])))
    particles = EdepSimH5(tmp_path / "two.h5").event(0).particles
    assert particles is not None
    assert particles["pdg"].tolist() == [14, 13, 2212, 2212]


@pytest.mark.parametrize("name", ["test_inputs.h5", "module0_corsika.h5"])
def test_the_old_dialect_is_refused_naming_what_is_missing(shared_data: Path, name: str) -> None:
    with pytest.raises(StoreError, match=rf"{name}: has no table trajectories, vertices, mc_hdr, mc_stack") as caught:
        open_source("edepsim_h5", shared_data / "edepsim_h5" / name)
    assert "\n" not in str(caught.value)


def test_foreign_hdf5_is_refused_naming_what_is_missing(shared_data: Path) -> None:
    with pytest.raises(StoreError, match=r"EPEM.irene.h5: has no table segments, trajectories"):
        open_source("edepsim_h5", shared_data / "nexus_h5" / "EPEM.irene.h5")
