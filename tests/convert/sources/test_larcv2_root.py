"""The larcv2 adapter on the real file of the larcv tutorial, and on rows made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from nuweave.convert.event import Images, Provides
from nuweave.convert.sources import find_adapter, open_source
from nuweave.convert.sources.larcv2_root import Larcv2Root, primary_vertex, read_images, read_particles
from nuweave.store import PARTICLE, StoreError


@pytest.fixture
def real(shared_data: Path) -> Path:
    return shared_data / "larcv2_root" / "proton.root"


def test_the_real_file_is_recognised_and_others_are_not(real: Path, shared_data: Path, tmp_path: Path) -> None:
    assert find_adapter(real) == "larcv2_root"
    assert not Larcv2Root.probe(shared_data / "edepsim_root" / "testND.root")
    assert not Larcv2Root.probe(shared_data / "larcv3" / "sbnd_2events.h5")
    with pytest.raises(StoreError, match=r"none.root: no such file"):
        Larcv2Root.probe(tmp_path / "none.root")


def test_real_images_have_the_known_pixels(real: Path) -> None:
    source = open_source("larcv2_root", real)
    assert [source.event(entry).number for entry in range(len(source))] == list(range(1, 11))
    content = source.event(0).content
    assert isinstance(content, Images)
    assert [len(image.ids) for image in content.values] == [54, 39, 60]
    assert [image.shape for image in content.values] == [(256, 256)] * 3
    assert [float(image.values.sum(dtype=np.float64)) for image in content.values] == pytest.approx([12053.13] * 3)
    first = content.values[0]
    assert first.coords[0].tolist() == [134, 149]
    assert first.values[0] == pytest.approx(8.1757)
    assert first.coords[-1].tolist() == [229, 210]
    assert first.values[-1] == pytest.approx(9.069627)
    assert (first.origin, first.size) == ((128.5, -39.0), (128.0, 128.0))
    assert content.labels is None


def test_every_real_proton_starts_in_a_stored_pixel_or_beside_one(real: Path) -> None:
    source = open_source("larcv2_root", real)
    for entry in range(len(source)):
        event = source.event(entry)
        assert isinstance(event.content, Images)
        assert event.vertex is not None
        x, y, z = event.vertex.place_cm
        for image, place in zip(event.content.values, ((x, y), (y, z), (z, x)), strict=True):
            assert image.origin is not None
            pixel = (np.array(place) - image.origin) / 0.5
            assert np.abs(image.coords + 0.5 - pixel).max(axis=1).min() < 1.5


def test_a_real_file_without_a_neutrino_gives_a_vertex_and_no_truth_rows(real: Path) -> None:
    source = open_source("larcv2_root", real)
    event = source.event(0)
    assert event.particles is None
    assert event.vertex is not None
    assert event.vertex.place_cm == pytest.approx([196.620916, 38.086155, 717.312368])
    assert event.vertex.time_us == pytest.approx(0.272153854)
    assert source.provides == Provides(site_labels=False, semantics=False, vertex=False, particles=False, mode=False)


def test_a_foreign_root_file_is_refused_with_what_it_holds(shared_data: Path) -> None:
    with pytest.raises(StoreError, match=r"test.root: has no tree image2d_NAME_tree, .*found EDepSimEvents") as caught:
        Larcv2Root(shared_data / "edepsim_root" / "test.root")
    assert "\n" not in str(caught.value)


def test_voxels_of_larcv2_are_refused_by_name(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "voxels.root") as file:
        file.mktree("sparse3d_data_tree", {"_event": "int64"})
    assert Larcv2Root.probe(tmp_path / "voxels.root")
    with pytest.raises(StoreError, match=r"found sparse3d_data_tree; convert it to larcv3 \(SparseTensor3D"):
        Larcv2Root(tmp_path / "voxels.root")


@pytest.mark.parametrize("num_bytes", [100, 20_000, 60_000])
def test_a_truncated_file_is_one_clear_error(real: Path, tmp_path: Path, num_bytes: int) -> None:
    path = tmp_path / "cut.root"
    path.write_bytes(real.read_bytes()[:num_bytes])
    with pytest.raises(StoreError, match=r"cut.root: .* cannot be read") as caught:
        Larcv2Root(path).event(0)
    assert "\n" not in str(caught.value)


def test_columns_are_wires_and_zeros_are_not_stored() -> None:
    meta = {"_meta._col_count": [2], "_meta._row_count": [3]}
    meta |= {"_meta._p1.x": [0], "_meta._p1.y": [0], "_meta._p2.x": [2], "_meta._p2.y": [6]}
    leaves = {"_img": [[0, 5, 0, 0, 0, 7]], **meta}
    (image,) = read_images(leaves)
    assert image.coords.tolist() == [[0, 1], [1, 2]]
    assert image.values.tolist() == [5, 7]
    assert image.size == (2.0, 6.0)
    with pytest.raises(ValueError, match="image 0 has 5 pixels, not 2 x 3"):
        read_images({**leaves, "_img": [[0, 5, 0, 0, 0]]})


def test_momenta_become_gev_and_energies_stay() -> None:
    rows = np.zeros(2, PARTICLE)
    leaves = {
        f"_{name}": rows[name] for name in PARTICLE.names or () if PARTICLE[name].names is None and name != "process"
    }
    leaves |= {f"_{name}._{axis}": rows["vtx"]["x"] for name in PARTICLE.names or () for axis in "xyzt"}
    leaves |= {
        "_px": np.array([604.2, 0.0]),
        "_energy_init": np.array([1.1388, 0.0]),
        "_vtx._z": np.array([717.3, 717.3]),
        "_process": np.array(["primary", "primary"]),
    }
    read = read_particles(leaves)
    assert read["px"].tolist() == pytest.approx([0.6042, 0.0])
    assert read["energy_init"][0] == 1.1388
    assert read["process"].tolist() == [b"primary", b"primary"]
    vertex = primary_vertex(read)
    assert vertex is not None
    assert vertex.place_cm.tolist() == [0.0, 0.0, 717.3]
    read["vtx"]["y"][1] = 5.0
    assert primary_vertex(read) is None
