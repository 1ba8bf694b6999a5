"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of real files beside the checkout; its absence is a failure in CI, a reason to skip elsewhere."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have the real files at {SHARED_DATA}")
        pytest.skip(f"no real files at {SHARED_DATA}")
    return SHARED_DATA
