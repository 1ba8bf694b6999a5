"""A packed file, its catalogue and finished models, small enough for every test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from nuweave.catalog import build_catalog, pack_part, write
from nuweave.config import ModelConfig
from nuweave.models import build_network
from nuweave.physics.detectors import WireDetector
from nuweave.tasks import make_task
from tests.mock import NUM_PLANES, SHAPE, write_shard

SEGMENTATION = {
    "task": {"kind": "segmentation"},
    "network": {"kind": "uresnet", "num_filters": 2, "depth": 2, "blocks_deepest": 1, "bottleneck": 4},
}
CLASSIFICATION = {
    "task": {"kind": "event_classification", "sites": "all"},
    "network": {"kind": "resnet", "num_filters": 2, "blocks": [1, 1, 1], "num_features": 4},
}
VERTEX = {
    "task": {"kind": "vertex", "anchor_stride": 4, "num_filters": 4, "num_blocks": 1},
    "network": CLASSIFICATION["network"],
}
SEVERAL = {
    "task": {
        "kind": "several",
        "tasks": {"sites": SEGMENTATION["task"], "vertex": VERTEX["task"], "event": CLASSIFICATION["task"]},
    },
    "network": SEGMENTATION["network"],
}


@dataclass(frozen=True)
class Views(WireDetector):
    """Three views with sites of 2 cm by 1 cm: (z, x), (z, y) and, from the side, (x, y) in sites of the same size."""

    name: str = "views"
    shapes: tuple[tuple[int, ...], ...] = (SHAPE,) * NUM_PLANES
    site_cm: tuple[float, ...] = (2.0, 1.0)

    def project(self, position_cm_N3: NDArray[np.float64], time_us_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Site k of an axis is at k times its size."""
        x, y, z = np.asarray(position_cm_N3, np.float64).T
        assert len(time_us_N) == len(x)
        return [np.stack(pair, axis=1) / np.array(self.site_cm) for pair in ((z, x), (z, y), (x, y))]

    def locate(self, coords_PND: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The mean of what two views say of each axis."""
        (z, x), (other_z, y), (other_x, other_y) = (
            np.moveaxis(coords_ND * np.array(self.site_cm), -1, 0) for coords_ND in coords_PND
        )
        return np.stack([(x + other_x) / 2, (y + other_y) / 2, (z + other_z) / 2], axis=1)


@dataclass(frozen=True)
class Run:
    """Files of a run: `data` holds seven events of the catalogue `catalog`."""

    data: Path
    catalog: Path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Seven packed events and their catalogue."""
    root = tmp_path_factory.mktemp("run")
    shard = write_shard(root / "000.h5", num_events=7)
    shard.with_suffix(".json").write_text(json.dumps({"source": "raw/000.h5", "generator_seed": "1"}))
    catalog = build_catalog([shard])
    write(catalog, root / "catalog.parquet")
    pack_part(catalog, root / "all.h5", seed=1)
    return Run(root / "all.h5", root / "catalog.parquet")


def write_model(directory: Path, settings: dict[str, object]) -> Path:
    """An untrained model in the form of a finished one."""
    directory.mkdir(parents=True, exist_ok=True)
    model = ModelConfig.model_validate(settings)
    torch.manual_seed(3)
    network = build_network(model.network, make_task(model.task).outputs, num_planes=NUM_PLANES, shape=SHAPE)
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()}, directory / "model.safetensors"
    )
    meta = {
        "name": "m",
        "model": model.model_dump(mode="json"),
        "num_planes": NUM_PLANES,
        "shape": list(SHAPE),
    }
    (directory / "model.json").write_text(json.dumps(meta | {"version": "0.1.0", "commit": "abc", "seed": 3}))
    return directory
