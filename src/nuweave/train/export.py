"""The finished model: plain weights, the settings beside them, and the history of the training."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

import nuweave
from nuweave.config import ModelConfig
from nuweave.loader import EventDataset
from nuweave.store import write_aside


def describe_model(
    *,
    name: str,
    model: ModelConfig,
    seed: int,
    dataset: EventDataset,
    training: dict[str, Any],
    validation: dict[str, float],
) -> dict[str, Any]:
    """What model.json holds: all that is needed to build the network again, and how it came about."""
    return {
        "name": name,
        "model": model.model_dump(mode="json"),
        "num_planes": dataset.num_planes,
        "shape": list(dataset.shape),
        "seed": seed,
        "version": nuweave.__version__,
        "commit": package_commit(),
        "training": training,
        "validation": validation,
    }


def export_model(network: nn.Module, description: dict[str, Any], *, history: Path, model_dir: Path) -> None:
    """Write model.safetensors, metrics.jsonl and, last, model.json: where it stands, the others are whole.

    Args:
        network: the plain network.
        description: becomes model.json.
        history: the metrics.jsonl of the run.
        model_dir: directory of the model.
    """
    weights = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    with write_aside(model_dir / "model.safetensors") as part:
        save_file(weights, part)
    with write_aside(model_dir / "metrics.jsonl") as part:
        part.write_bytes(history.read_bytes())
    with write_aside(model_dir / "model.json") as part:
        part.write_text(json.dumps(description, indent=2) + "\n")


@cache
def package_commit() -> str:
    """The last commit that changed this package, "+" added where files differ from it; "unknown" outside a checkout."""
    directory = Path(nuweave.__file__).parent
    commit = _git(directory, "log", "-1", "--format=%H", "--", ".")
    changed = _git(directory, "status", "--porcelain", "--", ".") if commit else ""
    return commit + ("+" if changed else "") if commit else "unknown"


def _git(directory: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
