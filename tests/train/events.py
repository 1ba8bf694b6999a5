"""Small files that a network can learn, and settings that learn them in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import nn

from nuweave.config import ModelConfig
from nuweave.store import Clusters, EventId, ShardWriter, SparseImage
from tests import mock

SHAPE = (16, 16)
NUM_PLANES = 2
NUM_SITES = 12


def write_learnable(path: Path, *, num_events: int, seed: int = 1, with_class: bool = True) -> Path:
    """Sites above 50 are neutrino, the others cosmic; event i is of class i % 3 and its values grow with it.

    The vertex is the site with the largest value of each image.

    Args:
        path: the file.
        num_events: events in it.
        seed: of the sites.
        with_class: whether events have their class.
    """
    rng = np.random.default_rng(seed)
    with ShardWriter(path) as writer:
        for event in range(num_events):
            images = [mock.image(rng, shape=SHAPE, projection=p, num_sites=NUM_SITES) for p in range(NUM_PLANES)]
            images = [SparseImage(x.ids, x.values * (1 + event % 3), x.shape, x.projection) for x in images]
            labels = [
                SparseImage(x.ids, np.where(x.values > 50, 2, 1).astype(np.float32), x.shape, x.projection)
                for x in images
            ]
            writer.append(
                EventId(seed, 0, event),
                sparse={"sparse2d_image": images, "sparse2d_label": labels},
                clusters={"cluster2d_vertex": [_brightest(x) for x in images]},
                particles={"particle_neutID": mock.class_product(event % 3)[: int(with_class)]},
            )
    return path


def tagger(*, overfit: Mapping[str, object] | None = None, **train: object) -> ModelConfig:
    """A tiny network that labels sites; `train` overrides its training."""
    return ModelConfig.model_validate(
        {
            "task": {"kind": "segmentation", "balance": "light"},
            "network": {"kind": "uresnet", "num_filters": 2, "depth": 1, "blocks_deepest": 1, "bottleneck": 4},
            "train": _train(train),
            "overfit": overfit or {},
        }
    )


def classifier(*, overfit: Mapping[str, object] | None = None, **train: object) -> ModelConfig:
    """A tiny network that names events, with dropout, so that random numbers matter."""
    return ModelConfig.model_validate(
        {
            "task": {"kind": "event_classification", "sites": "all", "heads": ["neutrino"]},
            "network": {"kind": "resnet", "num_filters": 2, "blocks": [1, 1], "num_features": 8, "dropout": 0.3},
            "train": _train(train),
            "overfit": overfit or {},
        }
    )


def all_in_one(*, overfit: Mapping[str, object] | None = None, **train: object) -> ModelConfig:
    """A tiny network that labels sites, finds the vertex and names events."""
    tasks = {
        "sites": {"kind": "segmentation", "balance": "light"},
        "vertex": {"kind": "vertex", "anchor_stride": 2, "num_filters": 8, "num_blocks": 1},
        "event": {"kind": "event_classification", "sites": "all", "heads": ["neutrino"]},
    }
    return ModelConfig.model_validate(
        {
            "task": {"kind": "several", "tasks": tasks, "weights": {"event": 0.5}},
            "network": {"kind": "uresnet", "num_filters": 4, "depth": 1, "blocks_deepest": 1, "bottleneck": 4},
            "train": _train(train),
            "overfit": overfit or {},
        }
    )


def poison(network: nn.Module) -> nn.Module:
    """The same network with a first weight that makes every loss not a number."""
    nn.init.constant_(next(network.parameters()), float("nan"))
    return network


def _brightest(image: SparseImage) -> Clusters:
    site = image.ids[[int(image.values.argmax())]]
    vertex = SparseImage(site, np.ones(1, np.float32), image.shape, image.projection)
    return Clusters(vertex, np.array([1]), np.array([0]))


def _train(changes: dict[str, object]) -> dict[str, object]:
    usual = {"engine": "torch", "ranks": 1, "global_batch": 4, "max_steps": 8, "learning_rate": 0.01}
    return {**usual, "log_every": 1, "validate_every": 4, "checkpoint_every": 3, **changes}
