"""Open a finished model: plain weights and the settings beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from nuweave.config import ModelConfig
from nuweave.models import build_network
from nuweave.store import StoreError
from nuweave.tasks import Task, make_task

_NEEDED = ("model", "num_planes", "shape")


def load_model(model_dir: Path) -> tuple[Task, nn.Module, dict[str, Any]]:
    """The task, the network with its weights in evaluation mode, and model.json as it is.

    Args:
        model_dir: directory that holds model.json and model.safetensors.
    Raises:
        StoreError: a file is missing or damaged, or the weights are of another network than model.json says.
    """
    meta_path, weights_path = model_dir / "model.json", model_dir / "model.safetensors"
    meta = _read_meta(meta_path)
    try:
        model = ModelConfig.model_validate(meta["model"])
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise StoreError(
            f"{meta_path}: model.{where}: {fault['msg']}; evaluate it with the version that wrote it, "
            f"{meta.get('version', 'unknown')}"
        ) from None
    task = make_task(model.task)
    network = build_network(model.network, task.outputs, num_planes=int(meta["num_planes"]), shape=tuple(meta["shape"]))
    network.load_state_dict(_matching_weights(weights_path, network))
    return task, network.eval(), meta


def _read_meta(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise StoreError(f"{path}: no such file; train the model first, or give the directory of a finished one")
    try:
        meta = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise StoreError(f"{path}: is not JSON ({error}); train the model again") from None
    missing = [key for key in _NEEDED if not isinstance(meta, dict) or key not in meta]
    if missing:
        raise StoreError(f"{path}: lacks {', '.join(missing)}; train the model again")
    return dict(meta)


def _matching_weights(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise StoreError(f"{path}: no such file; train the model first, or give the directory of a finished one")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{path}: is not a safetensors file ({error}); train the model again") from None
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if differing:
        name = differing[0]
        raise StoreError(
            f"{path}: {len(differing)} of {len(expected)} tensors do not fit the network of model.json, first {name}: "
            f"expected {expected.get(name, 'none')}, found {found.get(name, 'none')}; keep both files of one training"
        )
    return weights
