"""The larcv3 adapter on our own shards, on the real SBND file and on files without images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nuweave.config.convert import TruthConfig
from nuweave.convert.event import Images, Provides
from nuweave.convert.sources import open_source
from nuweave.convert.sources.larcv3 import Larcv3, read_mode
from nuweave.physics.truth import Mode, event_classes
from nuweave.store import EventId, ShardReader, ShardWriter, StoreError
from tests.mock import neutrino, write_shard


def test_images_and_truth_of_a_shard_come_back_unchanged(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "shard.h5", num_events=2)
    source, reader = Larcv3(path), ShardReader(path)
    event = source.event(1)
    assert isinstance(event.content, Images)
    assert event.number == 1
    for made, kept in zip(event.content.values, reader.sparse("sparse2d_image", 1), strict=True):
        assert np.array_equal(made.ids, kept.ids)
        assert np.array_equal(made.values, kept.values)
    assert event.particles is not None
    assert event.particles["pdg"].tolist() == [14, 13, 2212]
    assert vars(source.provides) == {
        "site_labels": True,
        "semantics": False,
        "vertex": True,
        "particles": True,
        "mode": True,
    }


def test_real_sbnd_events_are_numu_cc_with_a_proton_and_nue_cc_without(shared_data: Path) -> None:
    source = open_source("larcv3", shared_data / "larcv3" / "sbnd_2events.h5")
    events = [source.event(entry) for entry in range(len(source))]
    known = [(one.particles, one.mode) for one in events if one.particles is not None]
    assert [event_classes(rows, TruthConfig(), mode=mode) for rows, mode in known] == [
        {"neutrino": 1, "protons": 1, "charged_pions": 0, "neutral_pions": 0, "interaction": 0},  # numu QE -> mu p n
        {"neutrino": 0, "protons": 0, "charged_pions": 0, "neutral_pions": 0, "interaction": 4},  # nue QE -> e 3n
    ]


def test_a_code_that_names_no_mode_leaves_the_mode_unknown() -> None:
    rows = neutrino()
    for code, mode in ((1001, Mode.QE), (1100, Mode.OTHER), (1000, None), (-1, None), (0, None)):
        rows["interaction_type"][0] = code
        assert read_mode(rows) is mode
    assert read_mode(rows[:0]) is None


def test_real_sbnd_images_have_the_known_number_of_sites(shared_data: Path) -> None:
    source = open_source("larcv3", shared_data / "larcv3" / "sbnd_2events.h5")
    content = source.event(0).content
    assert isinstance(content, Images)
    assert content.labels is not None
    assert [np.bincount(label.values.astype(int)).tolist()[1:] for label in content.labels] == [
        [9890, 375],
        [9376, 305],
        [8671, 360],
    ]
    assert content.vertex is not None
    assert [group.lengths.tolist() for group in content.vertex] == [[9], [9], [9]]


def test_a_file_without_labels_says_so(tmp_path: Path) -> None:
    with ShardReader(write_shard(tmp_path / "full.h5")) as reader, ShardWriter(tmp_path / "bare.h5") as writer:
        writer.append(EventId(0, 0, 0), sparse={"sparse2d_image": reader.sparse("sparse2d_image", 0)})
    source = Larcv3(tmp_path / "bare.h5")
    event = source.event(0)
    assert isinstance(event.content, Images)
    assert event.content.labels is None
    assert event.particles is None
    assert source.provides == Provides(site_labels=False, semantics=False, vertex=False, particles=False, mode=False)
    assert source.provides.heads == ()


def test_a_file_without_images_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "truth.h5") as writer:
        writer.append(EventId(0, 0, 0), particles={"particle_truth": neutrino(), "particle_all": neutrino()})
    with pytest.raises(StoreError, match=r"truth.h5: has no image product: .* found particle_all, particle_truth"):
        open_source("larcv3", tmp_path / "truth.h5")


def test_the_adapter_that_can_read_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"shard.h5: is not in the format of edepsim_h5; set convert.adapter: larcv3"):
        open_source("edepsim_h5", write_shard(tmp_path / "shard.h5"))


def test_an_unknown_adapter_is_refused_with_the_names_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"convert.adapter='root' is not known; try one of edepsim_h5, .*larcv3"):
        open_source("root", tmp_path / "any.h5")
