"""Image, label and classes are found as stored; what cannot be one is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nuweave.catalog import image_and_label, read_classes
from nuweave.store import EventId, ShardReader, ShardWriter, StoreError
from tests import mock


def _write(path: Path, rows: list[NDArray[np.void]], product: str = "particle_neutID") -> ShardReader:
    with ShardWriter(path) as writer:
        for event, one in enumerate(rows):
            writer.append(EventId(0, 0, event), particles={product: one})
    return ShardReader(path)


def test_an_event_without_a_class_is_minus_one_and_an_absent_product_is_missing(tmp_path: Path) -> None:
    rows = [mock.class_product(2), mock.class_product(0)[:0], mock.class_product(0)]
    with _write(tmp_path / "a.h5", rows) as reader:
        classes = read_classes(reader)
    assert {head: one.tolist() for head, one in classes.items()} == {"neutrino": [2, -1, 0]}


@pytest.mark.parametrize(
    ("rows", "product"),
    [
        (mock.class_product(3), "particle_neutID"),
        (mock.class_product(2), "particle_cpiID"),
        (mock.class_product(-1), "particle_neutID"),
        (np.repeat(mock.class_product(1), 2), "particle_neutID"),
    ],
)
def test_two_classes_or_an_unknown_one_are_refused(tmp_path: Path, rows: NDArray[np.void], product: str) -> None:
    with (
        _write(tmp_path / "a.h5", [mock.class_product(0), rows], product) as reader,
        pytest.raises(StoreError, match=rf"a.h5: {product} of event 1 must be one class from 0 to"),
    ):
        read_classes(reader)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["sparse2d_image"], None),
        (["sparse3d_image", "sparse3d_label"], "sparse3d_label"),
        (["sparse2d_image", "sparse3d_image"], ""),
        (["sparse2d_x"], ""),
    ],
)
def test_a_file_has_one_image_and_perhaps_a_label(tmp_path: Path, names: list[str], label: str | None) -> None:
    rng = np.random.default_rng(0)
    shape_of = {name: (4, 4, 4) if "3d" in name else (8, 8) for name in names}
    with ShardWriter(tmp_path / "a.h5") as writer:
        images = {name: [mock.image(rng, shape=shape)] for name, shape in shape_of.items()}
        writer.append(EventId(0, 0, 0), sparse=images)
    with ShardReader(tmp_path / "a.h5") as reader:
        if label == "":
            with pytest.raises(StoreError, match=rf"a.h5: needs one product .* it holds {', '.join(names)}"):
                image_and_label(reader)
        else:
            assert image_and_label(reader) == (names[0], label)
