"""`nuweave doctor` as it is run: one line a check, exit status 1 where a run would fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.clone import CHECKOUT
from tests.fakes.cluster import FakePbs


def doctor(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nuweave.cli", "doctor", *arguments],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_login_node_of_polaris_is_examined(tmp_path: Path) -> None:
    cluster = FakePbs(tmp_path, "polaris")
    own = {"NUWEAVE_SITE": "polaris", "NUWEAVE_ACCOUNT": "neutrinos", "TMPDIR": str(tmp_path)}
    login = cluster.login() | own | {"PYTHONPATH": f"{CHECKOUT}/src"}
    done = doctor(login, "--json", "--results", str(tmp_path / "results"))
    states = {check["name"]: check["state"] for check in json.loads(done.stdout)}
    disks = {states.pop("results"), states.pop("scratch")}
    assert states == {
        **dict.fromkeys(("machine", "account", "queues", "commands", "scheduler", "python", "packages"), "ok"),
        **{"modules": "ok", "devices": "skip", "ranks": "skip"},
    }
    assert done.returncode == int("fail" in disks), done.stderr
    assert not (tmp_path / "results").exists()


def test_what_is_wrong_is_one_line_each() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUWEAVE_")}
    done = doctor(clean | {"NUWEAVE_QUEUE": "fast", "PYTHONPATH": f"{CHECKOUT}/src"}, "--site", "polaris")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert {line.split()[1] for line in lines if line.startswith("fail")} >= {"machine", "account", "queues", "modules"}
    assert all(line.split()[0] in ("ok", "skip", "warn", "fail") for line in lines)


def test_a_site_that_does_not_exist_ends_in_one_line() -> None:
    done = doctor(dict(os.environ) | {"PYTHONPATH": f"{CHECKOUT}/src"}, "--site", "summit")
    assert done.returncode != 0
    assert done.stderr.startswith("nuweave: site summit: profiles/summit/site.yaml cannot be read; known here: ")
    assert done.stderr.count("\n") == 1
