"""The edep-sim adapter on a hand-made file and on files of other dialects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.convert.event import Deposits, Provides
from nuweave.convert.sources import open_source
from nuweave.convert.sources.edepsim_h5 import EdepSimH5, read_deposits, read_ends
from nuweave.physics.detectors import get_detector
from nuweave.physics.truth import Mode, SemanticLabel, SiteLabel
from nuweave.store import StoreError
from nuweave.store.edepsim import write_edepsim
from nuweave.store.edepsim_file import EdepSimFile
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


def test_semantics_follow_the_trajectories(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND, num_events=1)
    electron = tables.trajectories.copy()
    for name, value in {"traj_id": 8, "parent_id": 0, "pdg_id": -11, "E_start": 40.0, "start_process": 6}.items():
        electron[name] = value
    tables.segments["traj_id"][-3:] = 8
    write_edepsim(tmp_path / "a.h5", replace(tables, trajectories=np.concatenate([electron, tables.trajectories])))
    source = EdepSimH5(tmp_path / "a.h5")
    content = source.event(0).content
    assert source.provides.semantics
    assert isinstance(content, Deposits)
    assert content.semantic_N is not None
    assert set(content.semantic_N[:-3]) == {SemanticLabel.TRACK}
    assert content.semantic_N[-3:].tolist() == [SemanticLabel.MICHEL] * 3


def test_what_is_wrong_is_counted(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND, num_events=1)
    tables.trajectories["pdg_id"], tables.trajectories["parent_id"] = 2000000101, 77
    tables.segments["dx"][:5] = 0.5
    write_edepsim(tmp_path / "a.h5", tables)
    notes = {"unknown_pdg": 1, "missing_parent": 1, "dx_is_not_length": 5}
    assert EdepSimH5(tmp_path / "a.h5").event(0).notes == notes


def without(path: Path, *tables: str) -> Path:
    """The hand-made file without some tables."""
    with h5py.File(write_edepsim_file(path, SBND), "r+") as file:
        for name in tables:
            del file[name]
    return path


def test_without_the_tables_of_a_generator_no_vertex_is_called_a_neutrino(tmp_path: Path) -> None:
    source = EdepSimH5(without(tmp_path / "a.h5", "mc_hdr", "mc_stack"))
    assert source.provides == Provides(site_labels=False, semantics=True, vertex=True, particles=False, mode=False)
    event = source.event(0)
    assert isinstance(event.content, Deposits)
    assert event.content.origin_N is None
    assert (event.particles, event.mode) == (None, None)
    assert event.vertex is not None
    assert event.vertex.place_cm.tolist() == [0, 0, 0]  # of the cosmic muon, which deposits more


def test_without_processes_there_are_no_semantics(tmp_path: Path) -> None:
    tables = edepsim_tables(SBND)
    names = [name for name in tables.trajectories.dtype.names or () if name != "start_process"]
    with h5py.File(without(tmp_path / "a.h5", "trajectories"), "r+") as file:
        file["trajectories"] = tables.trajectories[names]
    source = EdepSimH5(tmp_path / "a.h5")
    content = source.event(0).content
    assert not source.provides.semantics
    assert isinstance(content, Deposits)
    assert content.semantic_N is None


# counted with h5py alone: (events, segments, wrong dx), number and energy [MeV] of an entry, its first and last hit:
# start [cm] and energy [MeV]
OLD_FILES = [
    (
        "test_inputs.h5", (10, 2736), 0, (0, 98, 315.6229, 79),
        (-29.057234, -77.43936, 29.889189, 2.6883843), (28.753235, -58.486767, 17.801731, 0.4834577),
    ),
    (
        "module0_corsika.h5", (25, 1095), 1, (130, 198, 314.5221, 0),
        (-4.5651984, 40.2314, 0.5036129, 0.04432042), (2.5331728, 31.474163, -4.6511116, 0.22801538),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "counts", "entry", "expected", "first", "last"), OLD_FILES)
def test_the_oldest_dialect_gives_deposits_and_no_truth(
    shared_data: Path,
    name: str,
    counts: tuple[int, int],
    entry: int,
    expected: tuple[int, int, float, int],
    first: tuple[float, ...],
    last: tuple[float, ...],
) -> None:
    source = open_source("edepsim_h5", shared_data / "edepsim_h5" / name)
    assert source.provides == Provides(site_labels=False, semantics=False, vertex=False, particles=False, mode=False)
    events = [source.event(number) for number in range(len(source))]
    assert (len(events), sum(len(event.content) for event in events if isinstance(event.content, Deposits))) == counts
    event = events[entry]
    content = event.content
    assert isinstance(content, Deposits)
    assert (event.vertex, event.particles, content.origin_N, content.semantic_N) == (None, None, None, None)
    wrong = event.notes.get("dx_is_not_length", 0)
    assert (event.number, len(content), content.energy_mev_N.sum(), wrong) == pytest.approx(expected)
    for row, hit in ((0, first), (-1, last)):
        assert [*content.start_cm_N3[row], content.energy_mev_N[row]] == pytest.approx(hit)


@pytest.mark.parametrize("name", ["test_inputs.h5", "module0_corsika.h5"])
def test_muons_of_the_real_files_lose_what_muons_lose(shared_data: Path, name: str) -> None:
    with EdepSimFile(shared_data / "edepsim_h5" / name) as file:
        segments = file.table("segments")
    muons = segments[np.abs(segments["pdg_id"]) == 13]
    deposits = read_deposits(muons, read_ends(muons), None, None, trigger_us=0.0)
    length = np.linalg.norm(deposits.end_cm_N3 - deposits.start_cm_N3, axis=1)
    assert 1.7 < np.median(deposits.dedx_mev_cm_N[length > 0.1]) < 2.2
    assert 1.7 < deposits.energy_mev_N.sum() / length.sum() < 2.2


def test_foreign_hdf5_is_refused_naming_what_is_missing(shared_data: Path) -> None:
    with pytest.raises(StoreError, match=r"EPEM.irene.h5: has no table segments, trajectories, vertices"):
        EdepSimH5(shared_data / "nexus_h5" / "EPEM.irene.h5")
