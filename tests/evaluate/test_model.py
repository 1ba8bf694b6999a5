"""Opening finished models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from nuweave.evaluate import load_model
from nuweave.store import StoreError
from tests.evaluate.conftest import CLASSIFICATION, SEGMENTATION, write_model


@pytest.mark.parametrize("settings", [SEGMENTATION, CLASSIFICATION])
def test_weights_are_those_of_the_file_and_the_network_is_in_evaluation_mode(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    directory = write_model(tmp_path / "m", settings)
    task, network, meta = load_model(directory)
    stored = load_file(directory / "model.safetensors")
    assert task.config.kind == meta["model"]["task"]["kind"]
    assert not network.training
    assert stored.keys() == network.state_dict().keys()
    assert all(bool((network.state_dict()[name] == tensor).all()) for name, tensor in stored.items())


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    directory = write_model(tmp_path / "m", SEGMENTATION)
    (directory / name).unlink()
    with pytest.raises(StoreError, match=rf"{name}: no such file; train the model"):
        load_model(directory)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "m", SEGMENTATION)
    (directory / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(StoreError, match="is not a safetensors file"):
        load_model(directory)
    (directory / "model.json").write_text("{")
    with pytest.raises(StoreError, match="is not JSON"):
        load_model(directory)
    (directory / "model.json").write_text("{}")
    with pytest.raises(StoreError, match="lacks model, num_planes, shape"):
        load_model(directory)


def test_weights_of_another_network_are_refused_with_the_first_tensor(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "m", SEGMENTATION)
    weights = load_file(directory / "model.safetensors")
    first = min(weights)
    del weights[first]
    save_file(weights, directory / "model.safetensors")
    with pytest.raises(StoreError, match=f"1 of .* tensors do not fit .*{first}: expected .*, found none"):
        load_model(directory)


def test_settings_of_another_version_are_refused_with_the_key(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "m", SEGMENTATION)
    meta = json.loads((directory / "model.json").read_text())
    meta["model"]["network"]["wings"] = 2
    (directory / "model.json").write_text(json.dumps(meta))
    with pytest.raises(
        StoreError, match=r"model\.network\..*wings.*evaluate it with the version that wrote it, 0\.1\.0"
    ):
        load_model(directory)


def test_evaluation_needs_neither_deepspeed_nor_the_training() -> None:
    code = "import sys, nuweave.evaluate; print([m for m in sys.modules if m in ('deepspeed', 'nuweave.train')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
