"""The nexus adapter on the real file of the old layout, and on a file of the newer one made by hand."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.convert.event import Deposits, Provides
from nuweave.convert.sources import find_adapter, open_source
from nuweave.convert.sources.nexus_h5 import NexusH5
from nuweave.store import StoreError

HIT = [("event_id", "i4"), ("x", "f4"), ("y", "f4"), ("z", "f4"), ("time", "f4"), ("energy", "f4"), ("label", "S20")]
PARTICLE = [("event_id", "i4"), ("primary", "i2"), *((f"initial_{axis}", "f4") for axis in "xyzt")]


@pytest.fixture
def real(shared_data: Path) -> Path:
    return shared_data / "nexus_h5" / "EPEM.irene.h5"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Event 4: three hits of one particle, 10 and 30 mm apart, and one of another. Event 7: one hit."""
    hits = np.zeros(5, np.dtype([*HIT, ("particle_id", "i4")]))
    hits["event_id"] = [4, 4, 4, 4, 7]
    hits["x"] = [0, 10, 40, 500, 5]
    hits["time"] = [0, 1, 2, 3, 2000]
    hits["energy"] = [0.1, 0.2, 0.3, 0.4, 0.5]
    hits["label"], hits["particle_id"] = "7", [1, 1, 1, 2, 1]
    particles = np.zeros(3, np.dtype(PARTICLE))
    particles["event_id"], particles["primary"] = [4, 4, 7], [1, 0, 1]
    particles["initial_x"], particles["initial_t"] = [-10, 480, 0], [0, 0, 1500]
    path = tmp_path / "newer.h5"
    with h5py.File(path, "w") as file:
        file["MC/hits"], file["MC/particles"] = hits, particles
    return path


def test_real_hits_of_the_chosen_volume_are_in_cm_us_and_mev(real: Path) -> None:
    source = open_source("nexus_h5", real, volume="ACTIVE")
    assert len(source) == 47
    event = source.event(0)
    content = event.content
    assert isinstance(content, Deposits)
    assert (event.number, len(content)) == (1, 216)
    assert content.energy_mev_N.sum() == pytest.approx(1.4982427)
    assert content.start_cm_N3[0] == pytest.approx([-9.793194, 1.995828, 17.509293])
    assert content.time_us_N[0] == pytest.approx(3.58e-6, rel=1e-2)
    assert np.array_equal(content.start_cm_N3, content.end_cm_N3)
    last = source.event(46)
    assert isinstance(last.content, Deposits)
    assert last.number == 49
    assert last.content.end_cm_N3[-1] == pytest.approx([-7.281962, -15.10634, 30.250754])
    assert source.provides == Provides(site_labels=False, semantics=False, vertex=True, particles=False, mode=False)


def test_the_real_volumes_together_hold_every_hit(real: Path) -> None:
    hits = {}
    for volume in ("ACTIVE", "BUFFER"):
        source = open_source("nexus_h5", real, volume=volume)
        content = [source.event(entry).content for entry in range(len(source))]
        hits[volume] = sum(len(one) for one in content if isinstance(one, Deposits))
    assert hits == {"ACTIVE": 10383, "BUFFER": 4}


def test_the_electron_and_the_positron_of_a_real_event_start_at_its_vertex(real: Path) -> None:
    vertex = open_source("nexus_h5", real, volume="ACTIVE").event(0).vertex
    assert vertex is not None
    assert vertex.place_cm == pytest.approx([-9.702898, 2.027576, 17.519281])
    assert vertex.time_us == 0.0


def test_one_of_two_volumes_must_be_chosen(real: Path) -> None:
    with pytest.raises(StoreError, match=r"EPEM.irene.h5: has 2 volumes, ACTIVE, BUFFER; set convert.volume to one"):
        open_source("nexus_h5", real)
    with pytest.raises(StoreError, match=r"has no volume GAS, found ACTIVE, BUFFER; set convert.volume"):
        open_source("nexus_h5", real, volume="GAS")


def test_the_newer_layout_gives_its_events_by_number(newer: Path) -> None:
    assert find_adapter(newer) == "nexus_h5"
    source = open_source("nexus_h5", newer)
    first, last = (source.event(entry) for entry in range(len(source)))
    assert isinstance(first.content, Deposits)
    assert isinstance(last.content, Deposits)
    assert (first.number, last.number) == (4, 7)
    assert first.content.start_cm_N3[:, 0].tolist() == [0, 1, 4, 50]
    assert last.content.time_us_N.tolist() == [2.0]
    assert first.vertex is not None
    assert last.vertex is not None
    assert first.vertex.place_cm.tolist() == [-1, 0, 0]
    assert last.vertex.time_us == pytest.approx(1.5)


def test_energy_loss_takes_the_median_path_between_hits_of_a_particle(newer: Path) -> None:
    content = open_source("nexus_h5", newer).event(0).content
    assert isinstance(content, Deposits)
    assert content.dedx_mev_cm_N == pytest.approx(np.array([0.1, 0.2, 0.3, 0.4]) / 2.0)  # paths of 1 cm and 3 cm


def test_primaries_at_two_places_have_no_common_vertex(newer: Path) -> None:
    with h5py.File(newer, "a") as file:
        particles = file["MC/particles"][:]
        particles["primary"] = 1
        file["MC/particles"][:] = particles
    assert open_source("nexus_h5", newer).event(0).vertex is None


def test_rows_out_of_order_are_refused(newer: Path) -> None:
    with h5py.File(newer, "a") as file:
        file["MC/hits"][:] = file["MC/hits"][:][::-1]
    with pytest.raises(StoreError, match=r"newer.h5: .*cannot be read \(event_id does not ascend\)"):
        open_source("nexus_h5", newer)


def test_volumes_that_are_only_numbers_are_refused(newer: Path) -> None:
    with h5py.File(newer, "a") as file:
        hits = file["MC/hits"][:]
        del file["MC/hits"]
        file["MC/hits"] = hits.astype([(name, "i4" if name == "label" else kind) for name, kind in hits.dtype.descr])
    with pytest.raises(StoreError, match=r"newer.h5: .*cannot be read \(label holds numbers"):
        open_source("nexus_h5", newer)


def test_other_files_are_not_nexus(shared_data: Path) -> None:
    assert not NexusH5.probe(shared_data / "jaxtpc" / "muon.h5")
    assert not NexusH5.probe(shared_data / "larcv2_root" / "proton.root")
