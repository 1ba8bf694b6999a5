"""The adapter of MicroBooNE's open data on a file made by hand from the description of its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nuweave.config.convert import TruthConfig
from nuweave.convert.event import Images, Provides
from nuweave.convert.sources import find_adapter, open_source
from nuweave.physics.truth import SiteLabel, event_classes
from nuweave.store import StoreError

# event -> columns; event 1 has no energy deposit seen by a hit, and its particles come first in no table
EVENTS: dict[str, list[dict[str, Any]]] = {
    "event_table": [
        {
            "is_cc": [[1]], "nu_pdg": [[14]], "nu_energy": [[0.9]], "nu_dir": [[0, 0, 1]], "nu_vtx": [[100, 10, 500]],
            "nu_vtx_wire_pos": [[7.5, 20, 30]], "nu_vtx_wire_time": [[101.5]],
        },
        {
            "is_cc": [[0]], "nu_pdg": [[12]], "nu_energy": [[1.5]], "nu_dir": [[0, 0, 1]], "nu_vtx": [[1, 2, 3]],
            "nu_vtx_wire_pos": [[-5, 20, 30]], "nu_vtx_wire_time": [[101.5]],
        },
    ],
    "hit_table": [
        {
            "hit_id": [[0], [1], [2], [3]], "local_plane": [[0], [0], [0], [2]], "local_wire": [[7], [7], [9], [3455]],
            "local_time": [[101.2], [101.9], [50.0], [6399.5]], "integral": [[10], [20], [5], [8]],
        },
        {"hit_id": [[0]], "local_plane": [[1]], "local_wire": [[0]], "local_time": [[0]], "integral": [[1]]},
    ],
    "edep_table": [{"hit_id": [[1], [3]]}],
    "particle_table": [
        {"g4_pdg": [[13], [2212], [11]], "parent_id": [[0], [0], [1]], "momentum": [[0.5], [0.6], [0.05]]},
        {"g4_pdg": [[1000180400]], "parent_id": [[0]], "momentum": [[0.1]]},
    ],
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "hand.h5", "w") as file:
        for table, events in EVENTS.items():
            counts = [len(next(iter(event.values()))) for event in events]
            file[f"{table}/event_id"] = np.repeat([[1, 2, 10 + entry] for entry in range(len(events))], counts, axis=0)
            file[f"{table}/event_id.seq_cnt"] = np.stack([np.arange(len(events)), counts], axis=1)
            for name in events[0]:
                file[f"{table}/{name}"] = np.concatenate([event[name] for event in events])
    return tmp_path / "hand.h5"


def content_of(path: Path, entry: int) -> Images:
    content = open_source("uboone", path).event(entry).content
    assert isinstance(content, Images)
    return content


def test_hits_of_one_tick_are_one_site_with_the_larger_label(path: Path) -> None:
    assert find_adapter(path) == "uboone"
    content = content_of(path, 0)
    assert content.labels is not None
    first, second, third = content.values
    assert first.coords.tolist() == [[7, 101], [9, 50]]
    assert first.values.tolist() == [30, 5]
    assert content.labels[0].values.tolist() == [SiteLabel.NEUTRINO, SiteLabel.COSMIC]
    assert len(second.ids) == 0
    assert third.coords.tolist() == [[3455, 6399]]
    assert content.labels[2].values.tolist() == [SiteLabel.NEUTRINO]
    assert {image.shape for image in content.values} == {(3456, 6400)}


def test_an_event_without_deposits_seen_is_all_cosmic(path: Path) -> None:
    content = content_of(path, 1)
    assert content.labels is not None
    assert [label.values.tolist() for label in content.labels] == [[], [SiteLabel.COSMIC], []]


def test_the_vertex_lies_where_the_table_says_and_nowhere_outside(path: Path) -> None:
    inside, outside = content_of(path, 0).vertex, content_of(path, 1).vertex
    assert inside is not None
    assert outside is not None
    assert inside[0].image.coords.mean(axis=0).tolist() == [7, 101]
    assert [group.lengths.tolist() for group in outside] == [[0], [9], [9]]


def test_truth_is_the_neutrino_and_the_primaries_in_gev(path: Path) -> None:
    source = open_source("uboone", path)
    assert source.provides == Provides(site_labels=True, semantics=False, vertex=True, particles=True, mode=False)
    event = source.event(0)
    assert event.particles is not None
    assert event.particles["pdg"].tolist() == [14, 13, 2212]
    assert event.particles["energy_init"] == pytest.approx([0.9, 0.5110, 1.1137], abs=1e-4)
    assert event.particles["pz"][0] == pytest.approx(0.9)
    assert np.all(np.isnan(event.particles["pz"][1:]))
    assert event.vertex is not None
    assert event.vertex.place_cm.tolist() == [100, 10, 500]
    classes = {"neutrino": 1, "protons": 1, "charged_pions": 0, "neutral_pions": 0}
    assert event_classes(event.particles, TruthConfig()) == classes
    neutral = source.event(1).particles
    assert neutral is not None
    assert event_classes(neutral, TruthConfig())["neutrino"] == 2
    assert np.isnan(neutral["energy_init"][1])  # of a nucleus, whose mass is not looked up


def test_a_wire_of_another_detector_is_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["hit_table/local_wire"][0] = 2400
    with pytest.raises(StoreError, match=r"entry 0 cannot be read \(1 entries lie outside the image of 2400 x 6400"):
        content_of(path, 0)


def test_an_index_that_does_not_fit_is_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["hit_table/event_id.seq_cnt"][1] = [1, 7]
    with pytest.raises(StoreError, match=r"hand.h5: .*that of /hit_table does not lead to 5 rows of 2 events"):
        open_source("uboone", path)


def test_a_file_without_deposits_is_refused(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["edep_table"]
    with pytest.raises(StoreError, match=r"hand.h5: has no edep_table/event_id.seq_cnt"):
        open_source("uboone", path)
