"""The JAXTPC adapter on the real production of one muon, alone and with its files of truth, and on planes by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from nuweave.convert.event import Images, Provides
from nuweave.convert.sources import find_adapter, open_source
from nuweave.convert.sources.jaxtpc import Jaxtpc, read_image, read_label, response_lag
from nuweave.physics.truth import SemanticLabel
from nuweave.store import SparseImage, StoreError

SENSOR = "sim_sensor_0000.h5"


@pytest.fixture
def real(shared_data: Path) -> Path:
    return shared_data / "jaxtpc" / "production" / "sensor" / SENSOR


@pytest.fixture
def alone(real: Path, tmp_path: Path) -> Path:
    """The sensor file by itself, writable."""
    path = shutil.copyfile(real, tmp_path / SENSOR)
    path.chmod(0o644)
    return path


def images(path: Path, volume: str | None = None) -> Images:
    content = open_source("jaxtpc", path, volume=volume).event(0).content
    assert isinstance(content, Images)
    return content


def test_only_the_sensor_file_is_recognised(real: Path) -> None:
    assert find_adapter(real) == "jaxtpc"
    for kind in ("seg", "inst", "labl"):
        other = real.parent.parent / kind / f"sim_{kind}_0000.h5"
        assert not Jaxtpc.probe(other)
        with pytest.raises(StoreError, match=rf"sim_{kind}_0000.h5: .*(give the file with _sensor_|has no config/num)"):
            Jaxtpc(other)


def test_real_images_have_the_known_pixels_over_the_pedestal(real: Path) -> None:
    values = images(real).values
    assert [image.projection for image in values] == [0, 1, 2, 3, 4, 5]  # U, V, Y of two volumes
    assert [len(image.ids) for image in values] == [19323, 6938, 2974, 0, 0, 0]
    assert [float(image.values.sum(dtype=np.float64)) for image in values] == [-32108, -12498, 171658, 0, 0, 0]
    collection = values[2]
    assert collection.coords[[0, -1]].tolist() == [[549, 1778], [673, 1578]]
    assert collection.values[[0, -1]].tolist() == [2, 2]
    assert float(collection.values.max()) == 1359
    assert {image.shape for image in values} == {(1984, 2752)}  # 1969 and 1443 wires, 2701 ticks


def test_a_volume_may_be_chosen(real: Path) -> None:
    assert [len(image.ids) for image in images(real, "volume_0").values] == [19323, 6938, 2974]
    assert [len(image.ids) for image in images(real, "volume_1").values] == [0, 0, 0]
    with pytest.raises(StoreError, match=r"convert.volume=lar is none of volume_0, volume_1"):
        open_source("jaxtpc", real, volume="lar")


def test_real_pixels_are_of_the_muon_its_michel_electron_or_of_no_deposit(real: Path) -> None:
    source = open_source("jaxtpc", real)
    assert source.provides == Provides(site_labels=False, semantics=True, vertex=False, particles=False, mode=False)
    content = source.event(0).content
    assert isinstance(content, Images)
    assert content.semantics is not None
    collection, label = content.values[2], content.semantics[2]
    assert np.array_equal(label.ids, collection.ids)
    assert np.bincount(label.values.astype(int)).tolist() == [63, 217, 377, 2, 239, 2076]
    is_known = label.values != SemanticLabel.NONE
    assert collection.values[is_known].sum() > 0.85 * collection.values.sum()  # the rest is the tail of the response
    assert source.event(0).notes == {"missing_parent": 1}  # one group names no track


def test_without_its_files_of_truth_a_sensor_file_has_no_labels(real: Path, alone: Path) -> None:
    source = open_source("jaxtpc", alone)
    assert not source.provides.semantics
    assert images(alone).semantics is None
    assert np.array_equal(images(alone).values[0].values, images(real).values[0].values)
    shutil.copyfile(real.parent.parent / "inst" / "sim_inst_0000.h5", alone.parent / "sim_inst_0000.h5")
    assert not open_source("jaxtpc", alone).provides.semantics  # the source with parents is still missing
    shutil.copyfile(real.parents[2] / "muon.h5", alone.parent / "muon.h5")
    labels = images(alone).semantics
    assert labels is not None
    assert np.bincount(labels[2].values.astype(int)).tolist() == [63, 217, 377, 2, 239, 2076]


def test_other_readouts_are_refused_by_name(alone: Path) -> None:
    with h5py.File(alone, "a") as file:
        file["config"].attrs["readout_type"] = "pixel"
    with pytest.raises(StoreError, match=rf"{SENSOR}: config cannot be read \(readout_type is pixel, only wire"):
        open_source("jaxtpc", alone)


def test_a_pixel_beyond_the_readout_is_one_clear_error(alone: Path) -> None:
    with h5py.File(alone, "a") as file:
        file["event_000/volume_0/V"].attrs["wire_start"] = 5000
    with pytest.raises(StoreError, match=r"entry 0 cannot be read \(6938 entries lie outside the image") as caught:
        open_source("jaxtpc", alone).event(0)
    assert "\n" not in str(caught.value)


def test_differences_add_up_from_the_start(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "plane.h5", "w") as file:
        file["delta_wire"], file["delta_time"] = np.array([0, 1], "i2"), np.array([0, -3], "i2")
        file["values"] = np.array([412, 400], "u2")
        file.attrs.update({"wire_start": 2, "time_start": 5, "pedestal": 410})
        image = read_image(file, (10, 10), 4)
    assert image.coords.tolist() == [[2, 5], [3, 2]]
    assert image.values.tolist() == [2, -10]


def test_labels_follow_the_signal_where_it_comes_late() -> None:
    """Charge of 4 and 1 at ticks 2 and 3 of wire 0; the signal has 40 and 10 at ticks 7 and 8."""
    image = SparseImage(np.array([3, 7, 8]), np.array([5, 40, -10], np.float32), (1, 64))
    assert response_lag(image, np.array([2, 3]), np.array([4.0, 1.0])) == 5
    assert response_lag(image, np.array([7, 8]), np.array([4.0, 1.0])) == 0
    assert response_lag(image, np.zeros(0, np.int64), np.zeros(0)) == 0


def test_the_group_with_most_charge_labels_a_pixel(tmp_path: Path) -> None:
    """Group 1 peaks at (2, 5) with 100 and has 40 at (2, 6); group 2 peaks at (2, 6) with 50; (9, 9) has nothing."""
    image = SparseImage(np.array([25, 26, 99]), np.ones(3, np.float32), (10, 10))
    with h5py.File(tmp_path / "plane.h5", "w") as file:
        file["group_ids"], file["group_sizes"] = np.array([1, 2]), np.array([2, 1], "u1")
        file["center_wires"], file["center_times"] = np.array([2, 2], "i2"), np.array([5, 6], "i2")
        file["peak_charges"] = np.array([100, 50], "f4")
        file["delta_wires"], file["delta_times"] = np.zeros(3, "i1"), np.array([0, 1, 0], "i1")
        file["charges_u16"] = np.array([65535, 26214, 65535], "u2")
        label = read_label(file, np.array([SemanticLabel.TRACK, SemanticLabel.MICHEL], np.int8), image)
    assert label.values.tolist() == [SemanticLabel.TRACK, SemanticLabel.MICHEL, SemanticLabel.NONE]
