"""edep-sim's ROOT files: three real ones, numbers from a reading of them with numpy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuweave.convert.event import Deposits, Provides
from nuweave.convert.sources import open_source
from nuweave.convert.sources.edepsim_bytes import STREAMERS
from nuweave.convert.sources.edepsim_root import EdepSimRoot
from nuweave.convert.sources.edepsim_tree import EdepSimTree
from nuweave.physics.truth import Mode, SemanticLabel, SiteLabel
from nuweave.store import StoreError


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "edepsim_root"


def deposits_of(source: EdepSimRoot) -> list[Deposits]:
    contents = [source.event(entry).content for entry in range(len(source))]
    return [content for content in contents if isinstance(content, Deposits)]


# file, volume, events, hits of all, event 0: hits, energy [MeV], start [cm], time [us] and energy of first and last hit
FILES = [
    (
        "testND.root", None, 15, 4631, 239, 426.1470,
        ((1.766260, 15.170148, 411.96), 0.016710, 20.581749), ((13.533340, 16.787565, 598.935163), 0.218494, 0.723008),
    ),
    (
        "test3.root", "drift", 25, 15203, 584, 107.3700,
        ((0.0, 0.0, -50.0), 0.001002, 0.177633), ((-3.780360, -9.244645, -3.031181), 0.002949, 0.026849),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "volume", "num_events", "num_hits", "num", "energy", "first", "last"), FILES)
def test_real_files_are_read_to_the_last_hit(
    folder: Path,
    name: str,
    volume: str | None,
    num_events: int,
    num_hits: int,
    num: int,
    energy: float,
    first: Any,
    last: Any,
) -> None:
    source = EdepSimRoot(folder / name, volume=volume)
    contents = deposits_of(source)
    assert (len(contents), sum(map(len, contents))) == (num_events, num_hits)
    assert (len(contents[0]), contents[0].energy_mev_N.sum()) == (num, pytest.approx(energy))
    for row, (start, time, deposited) in ((0, first), (-1, last)):
        assert contents[0].start_cm_N3[row] == pytest.approx(start, abs=1e-5)
        assert contents[0].time_us_N[row] == pytest.approx(time, abs=1e-6)
        assert contents[0].energy_mev_N[row] == pytest.approx(deposited, abs=1e-6)


@pytest.mark.parametrize(("name", "volume"), [("testND.root", None), ("test3.root", "drift")])
def test_primary_muons_of_the_real_files_lose_what_muons_lose(folder: Path, name: str, volume: str | None) -> None:
    losses = []
    for content in deposits_of(EdepSimRoot(folder / name, volume=volume)):
        of_tracks = content.semantic_N == SemanticLabel.TRACK
        length = np.linalg.norm(content.end_cm_N3 - content.start_cm_N3, axis=1)
        losses.append(content.energy_mev_N[of_tracks].sum() / length[of_tracks].sum())
    assert 1.7 < np.median(losses) < 2.2


def test_a_file_of_a_particle_gun_knows_its_vertex_and_semantics_alone(folder: Path) -> None:
    source = EdepSimRoot(folder / "testND.root")
    assert source.provides == Provides(site_labels=False, semantics=True, vertex=True, particles=False, mode=False)
    assert (source.generator, source.generator_seed) == ("gps:fixed@free-fixed", None)
    event = source.event(0)
    assert event.vertex is not None
    assert (event.vertex.place_cm.tolist(), event.vertex.time_us) == ([0.0, 0.0, -50.0], 0.001)
    assert (event.number, event.particles, event.mode, event.notes) == (0, None, None, {})
    contents = deposits_of(source)
    semantics = np.concatenate([content.semantic_N for content in contents if content.semantic_N is not None])
    assert np.bincount(semantics).tolist() == [49, 1990, 303, 2177, 112]
    assert all(content.origin_N is None for content in contents)


def test_events_can_be_read_in_any_order(folder: Path) -> None:
    source = EdepSimRoot(folder / "test3.root", volume="drift")
    forward = [len(source.event(entry).content.energy_mev_N) for entry in range(25)]  # type: ignore[union-attr]
    assert [len(source.event(entry).content.energy_mev_N) for entry in range(24, -1, -1)] == forward[::-1]  # type: ignore[union-attr]


def test_of_several_detectors_one_must_be_chosen(folder: Path) -> None:
    with pytest.raises(StoreError, match=r"test3.root: has 2 volumes, cryo, drift; set convert.volume"):
        EdepSimRoot(folder / "test3.root")
    with pytest.raises(StoreError, match=r"has no volume LArTPC, found cryo, drift"):
        EdepSimRoot(folder / "test3.root", volume="LArTPC")
    assert [len(content) for content in deposits_of(EdepSimRoot(folder / "test3.root", volume="cryo"))].index(1) == 23


def test_events_without_any_hit_are_empty(folder: Path) -> None:
    source = EdepSimRoot(folder / "test.root")
    assert [len(content) for content in deposits_of(source)] == [0] * 10
    assert source.event(0).notes == {"unknown_pdg": 1}  # a geantino has no code


def pretend(monkeypatch: pytest.MonkeyPatch, leaves: dict[str, Any]) -> None:
    """Let leaves of every event have other values."""
    whole, leaf = EdepSimTree.whole, EdepSimTree.leaf

    def changed_whole(tree: EdepSimTree, name: str) -> Any:
        return [leaves[name]] * len(tree) if name in leaves else whole(tree, name)

    def changed_leaf(tree: EdepSimTree, name: str, entry: int) -> Any:
        return leaves[name] if name in leaves else leaf(tree, name, entry)

    monkeypatch.setattr(EdepSimTree, "whole", changed_whole)
    monkeypatch.setattr(EdepSimTree, "leaf", changed_leaf)


def test_with_an_account_of_the_reaction_all_truth_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"Primaries/Primaries.Reaction": ["nu:14;tgt:1000180400;N:2112;proc:Weak[CC],QES;"]})
    source = EdepSimRoot(folder / "testND.root")
    assert all(vars(source.provides).values())
    event = source.event(0)
    assert isinstance(event.content, Deposits)
    assert event.content.origin_N is not None
    assert set(event.content.origin_N) == {SiteLabel.NEUTRINO}
    assert event.particles is not None
    assert event.particles["pdg"].tolist() == [14, 13]
    assert event.particles["energy_init"][1] == pytest.approx(1.153070)
    assert event.mode is Mode.QE


def test_joined_files_are_numbered_by_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"EventId": 7})
    assert [EdepSimRoot(folder / "testND.root").event(entry).number for entry in (0, 3)] == [0, 3]


def test_other_versions_of_the_classes_are_refused_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STREAMERS, "TG4HitSegment", 9)
    with pytest.raises(StoreError, match=r"testND.root: has version 1 of TG4HitSegment, nuweave reads 9; conv"):
        EdepSimRoot(folder / "testND.root")


def test_a_damaged_record_is_named_with_its_branch_and_entry(folder: Path) -> None:
    def cut(data: bytes) -> int:
        raise ValueError(f"{len(data)} bytes\nare wrong")

    with pytest.raises(StoreError, match=r"branch SegmentDetectors, entry 3: cannot be read \(\d+ bytes are wrong\)"):
        EdepSimTree(folder / "testND.root").decode("SegmentDetectors", 3, cut)


def test_foreign_and_damaged_files_are_refused(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "testND.root").read_bytes()
    (tmp_path / "cut.root").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.root").write_text("no tree")
    other = folder.parent / "larcv2_root" / "proton.root"
    for path in (tmp_path / "cut.root", tmp_path / "text.root", other):
        assert not EdepSimRoot.probe(path)
        with pytest.raises(StoreError, match=f"{path.name}: is no whole ROOT file with the tree EDepSimEvents"):
            EdepSimRoot(path)
    with pytest.raises(StoreError, match="no such file"):
        EdepSimRoot.probe(tmp_path / "missing.root")
    with pytest.raises(StoreError, match=r"is not in the format of edepsim_h5; set convert.adapter: edepsim_root"):
        open_source("edepsim_h5", folder / "testND.root")
