"""What comes before the command of every rule."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nuweave.sites import activation
from tests.sites.test_request import site


def test_modules_come_first_and_the_python_of_the_start_stays_first_on_path() -> None:
    assert activation(site("polaris"), Path("/clone of mine"), Path("/venv/bin/python")) == (
        "set -euo pipefail; source '/clone of mine/envs/polaris.sh'; export PATH=/venv/bin:$PATH; "
    )


def test_a_failure_before_a_pipe_stays_a_failure(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/slurm.sh").touch()
    before = activation(site("slurm"), tmp_path, Path("/venv/bin/python"))
    assert subprocess.run(["bash", "-c", f"{before}(exit 85) | cat"], check=False).returncode == 85


def test_one_machine_needs_nothing() -> None:
    assert activation(site("local"), Path("/clone"), Path("/venv/bin/python")) == ""
