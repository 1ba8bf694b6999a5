"""Where the page says it comes from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nuweave
from nuweave.report import provenance


def test_commit_is_that_of_the_checkout() -> None:
    checkout = Path(nuweave.__file__).parent
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    assert provenance.collect().commit == head.stdout.strip()


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert provenance.commit_of(tmp_path) == (None, None)


def test_versions_are_of_installed_packages_only() -> None:
    versions = provenance.collect().versions
    assert "numpy" in versions
    assert all(versions.values())
