"""A directory that a start of Snakemake takes for the root of a clone."""

from __future__ import annotations

import signal
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
ROOT = ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "experiments", "src")
PROFILES = ("polaris", "aurora", "perlmutter")


def link_clone(directory: Path) -> Path:
    """Fill a directory with links to what a clone has in its root; what a run writes stays there.

    Returns:
        the directory.
    """
    for name in (*ROOT, *PROFILES):
        (directory / name).symlink_to(CHECKOUT / name)
    return directory


def take_interrupts() -> None:
    """In a new process, before its program: Ctrl-C ends it, also where the tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
