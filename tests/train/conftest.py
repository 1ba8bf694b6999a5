"""Start-up of ranks writes into the environment: each test starts without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.train.events import write_learnable

PREFIXES = ("RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "PMI_", "PALS_", "OMPI_", "SLURM_", "MPI_", "MPI4PY_")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No launcher around this test, and none left behind it."""
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    yield
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Networks this small wait for each other's threads longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def learnable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """train_path and val_path of learnable events."""
    directory = tmp_path_factory.mktemp("learnable")
    return {
        "train_path": write_learnable(directory / "train.h5", num_events=10, seed=1),
        "val_path": write_learnable(directory / "val.h5", num_events=5, seed=2),
    }
