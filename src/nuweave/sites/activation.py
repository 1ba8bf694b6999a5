"""The shell of a rule on a site: its modules and settings, then the environment of the Python that runs Snakemake."""

from __future__ import annotations

import shlex
from pathlib import Path

from nuweave.config.site import SiteConfig


def activation(site: SiteConfig, root: Path, python: Path) -> str:
    """What comes before the command of every rule; nothing on one machine.

    It takes the place of Snakemake's own prefix, so it has to say `set -euo pipefail` again: a training writes into
    `tee`, whose status would hide that of the training.

    Args:
        root: of the clone, where envs/SITE.sh is.
        python: the program.
    """
    if site.scheduler == "none":
        return ""
    script = shlex.quote(str(root / f"envs/{site.name}.sh"))
    return f"set -euo pipefail; source {script}; export PATH={shlex.quote(str(python.parent))}:$PATH; "
