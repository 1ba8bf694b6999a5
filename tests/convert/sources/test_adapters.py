"""What all adapters have in common, on every real file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import h5py
import pytest

from nuweave.config.convert import Adapter
from nuweave.convert.sources import ADAPTERS, find_adapter, get_adapter, open_source
from nuweave.convert.sources.source import choose_volume, event_numbers, reading
from nuweave.store import StoreError

REAL = {
    "edepsim_h5/test_inputs.h5": "edepsim_h5",
    "edepsim_h5/module0_corsika.h5": "edepsim_h5",
    "edepsim_root/testND.root": "edepsim_root",
    "edepsim_root/test3.root": "edepsim_root",
    "larcv3/sbnd_2events.h5": "larcv3",
    "larcv2_root/proton.root": "larcv2_root",
    "nexus_h5/EPEM.irene.h5": "nexus_h5",
    "jaxtpc/muon.h5": "dlp_h5",
    "jaxtpc/production/sensor/sim_sensor_0000.h5": "jaxtpc",
    "jaxtpc/production/seg/sim_seg_0000.h5": None,
    "jaxtpc/production/inst/sim_inst_0000.h5": None,
    "jaxtpc/production/labl/sim_labl_0000.h5": None,
}


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_is_known_to_its_adapter_alone(shared_data: Path, name: str) -> None:
    known = [adapter for adapter in ADAPTERS if get_adapter(adapter).probe(shared_data / name)]
    assert known == ([] if REAL[name] is None else [REAL[name]])


def test_the_configuration_knows_every_adapter() -> None:
    assert set(get_args(Adapter)) == set(ADAPTERS)


def test_libraries_of_adapters_are_not_loaded_before_they_are_needed() -> None:
    program = "import sys, nuweave.convert; print({'uproot', 'awkward'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_file_that_is_nothing_is_refused_in_one_line(tmp_path: Path, adapter: str) -> None:
    (tmp_path / "text.h5").write_text("no simulation\n")
    assert find_adapter(tmp_path / "text.h5") is None
    for name in ("text.h5", "none.h5"):
        with pytest.raises(StoreError, match=name) as caught:
            open_source(adapter, tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("adapter", ["larcv3", "pilarnet", "uboone", "larcv2_root"])
def test_a_format_without_volumes_refuses_a_choice(tmp_path: Path, adapter: str) -> None:
    with h5py.File(tmp_path / "any.h5", "w"), pytest.raises(StoreError, match=r"remove convert.volume=lar"):
        get_adapter(adapter)(tmp_path / "any.h5", volume="lar")


def test_the_only_volume_needs_no_choice() -> None:
    path = Path("a.h5")
    assert (choose_volume(path, ["lar"], None), choose_volume(path, ["lar", "gas"], "gas")) == ("lar", "gas")
    with pytest.raises(StoreError, match=r"a.h5: has 0 volumes, nothing; set convert.volume"):
        choose_volume(path, [], None)


def test_numbers_that_come_twice_are_replaced_by_positions() -> None:
    assert event_numbers([7, 3]).tolist() == [7, 3]
    assert event_numbers([7, 7]).tolist() == [0, 1]


def test_what_a_library_says_over_a_damaged_file_becomes_one_line() -> None:
    with (
        pytest.raises(StoreError, match=r"a.h5: hits cannot be read \(two lines\); write or copy"),
        reading(Path("a.h5"), "hits"),
    ):
        raise RuntimeError("two\nlines")
