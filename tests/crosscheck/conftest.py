"""larcv itself where it is built, and stand-ins for it where only its manners matter."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nuweave.crosscheck.child import PYTHON
from tests.workflow.conftest import snakemake

__all__ = ["snakemake"]

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def larcv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have larcv; its absence is a failure in CI, a reason to skip elsewhere."""
    if not (CHECKOUT / PYTHON).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have {CHECKOUT / PYTHON}: make larcv")
        pytest.skip("no .venv-larcv: make larcv")
    monkeypatch.setenv("NUWEAVE_LARCV_PYTHON", str(CHECKOUT / PYTHON))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Put a shell script in the place of larcv's python: $3 is the sub-command, $4 the source, $5 the file to make."""

    def make(script: str) -> None:
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        monkeypatch.setenv("NUWEAVE_LARCV_PYTHON", str(python))

    return make
