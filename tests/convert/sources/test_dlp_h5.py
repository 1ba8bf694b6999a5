"""The adapter of JAXTPC's input on its own muon, and on a file with two volumes made from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.convert.event import Deposits, Provides
from nuweave.convert.sources import find_adapter, open_source
from nuweave.physics.truth import SemanticLabel
from nuweave.store import StoreError

NUM_MUON_STEPS = 3137  # they come first


@pytest.fixture
def real(shared_data: Path) -> Path:
    return shared_data / "jaxtpc" / "muon.h5"


@pytest.fixture
def muon(real: Path) -> Deposits:
    content = open_source("dlp_h5", real).event(0).content
    assert isinstance(content, Deposits)
    return content


def test_real_steps_have_the_known_number_and_energy(real: Path, muon: Deposits) -> None:
    assert find_adapter(real) == "dlp_h5"
    assert len(open_source("dlp_h5", real)) == 1
    assert len(muon) == 5335
    assert muon.energy_mev_N.sum() == pytest.approx(140.95690)
    assert muon.time_us_N[[0, -1]] == pytest.approx([0.00500019, 0.0068774233])
    assert muon.origin_N is None


def test_real_steps_of_the_muon_join_end_to_start_from_its_vertex_to_where_it_stops(muon: Deposits) -> None:
    start, end = muon.start_cm_N3[:NUM_MUON_STEPS], muon.end_cm_N3[:NUM_MUON_STEPS]
    assert start[0] == pytest.approx([-55.000586, 0.000459, -45.00055], abs=1e-5)
    assert end[-1] == pytest.approx([-56.86955, 30.244867, -38.86863], abs=1e-5)
    assert np.linalg.norm(start[1:] - end[:-1], axis=1).max() < 1e-3


def test_the_real_muon_of_100_mev_goes_31_cm_at_a_median_of_2_3_mev_a_cm(muon: Deposits) -> None:
    assert muon.energy_mev_N[:NUM_MUON_STEPS].sum() == pytest.approx(95.913, abs=1e-3)
    length = np.linalg.norm(muon.end_cm_N3 - muon.start_cm_N3, axis=1)[:NUM_MUON_STEPS]
    assert length.sum() == pytest.approx(31.3014, abs=1e-3)
    assert np.median(muon.dedx_mev_cm_N[:NUM_MUON_STEPS]) == pytest.approx(2.258, abs=1e-3)


def test_the_real_muon_decays_into_a_michel_electron_of_41_mev_and_knocks_out_deltas(
    real: Path, muon: Deposits
) -> None:
    assert muon.semantic_N is not None
    assert np.bincount(muon.semantic_N).tolist() == [326, NUM_MUON_STEPS + 1, 1609, 146, 116]
    assert np.all(muon.semantic_N[:NUM_MUON_STEPS] == SemanticLabel.TRACK)
    michel = muon.semantic_N == SemanticLabel.MICHEL
    assert muon.energy_mev_N[michel].sum() == pytest.approx(31.156, abs=1e-3)  # its photons are SHOWER or LOW_ENERGY
    assert np.linalg.norm(muon.start_cm_N3[michel] - muon.end_cm_N3[NUM_MUON_STEPS - 1], axis=1).min() < 0.02
    assert open_source("dlp_h5", real).event(0).notes == {"missing_parent": 1}  # a step that names no track


def test_the_real_vertex_is_in_cm_and_us(real: Path) -> None:
    source = open_source("dlp_h5", real)
    vertex = source.event(0).vertex
    assert vertex is not None
    assert vertex.place_cm == pytest.approx([-55.000586, 0.000459, -45.00055], abs=1e-5)
    assert vertex.time_us == pytest.approx(0.005)
    assert source.provides == Provides(site_labels=False, semantics=True, vertex=True, particles=False, mode=False)


def test_one_of_two_volumes_must_be_chosen(real: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(real, tmp_path / "two.h5")
    path.chmod(0o644)
    with h5py.File(path, "a") as file:
        file.copy("pstep/lar_vol", "pstep/cryo")
    with pytest.raises(StoreError, match=r"two.h5: has 2 volumes, cryo, lar_vol; set convert.volume to one of them"):
        open_source("dlp_h5", path)
    assert len(open_source("dlp_h5", path, volume="cryo")) == 1
    with pytest.raises(StoreError, match=r"muon.h5: has no volume cryo, found lar_vol"):
        open_source("dlp_h5", real, volume="cryo")


def test_a_file_without_a_table_is_refused_naming_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file["event/geant4"] = np.zeros(1, [("event_id", "i4")])
    with pytest.raises(StoreError, match=r"bare.h5: has no particle/geant4, vertex/geant4, pstep;") as caught:
        open_source("dlp_h5", tmp_path / "bare.h5")
    assert "\n" not in str(caught.value)
