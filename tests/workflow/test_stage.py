"""A run on a published dataset: files are staged, then converted; a start that cannot stage them ends at once."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import yaml

from tests import mock
from tests.fakes.globus import FakeGlobus
from tests.workflow.conftest import Snakemake

PROVIDER, MACHINE = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def overlay_of(directory: Path) -> Path:
    """A run on two published shards, of which nothing is there yet."""
    provided = directory / "provider"
    for path in (provided, directory / "data"):
        path.mkdir()
    files = {}
    for name in ("a.h5", "b.h5"):
        content = mock.write_shard(provided / name).read_bytes()
        files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    overlay = directory / "overlay.yaml"
    dataset = {"title": "Two", "citation": "none", "globus_endpoint": PROVIDER, "path": "/", "files": files}
    overlay.write_text(
        yaml.safe_dump(
            {
                "name": "staged",
                "data_dir": str(directory / "data"),
                "convert": {"adapter": "larcv3"},
                "dataset": dataset,
            }
        )
    )
    return overlay


def test_files_are_staged_once_and_a_start_without_a_way_runs_nothing(snakemake: Snakemake, tmp_path: Path) -> None:
    overlay = str(overlay_of(tmp_path))
    root: Path = snakemake.directory / "results/staged"  # type: ignore[attr-defined]

    done = snakemake("--until", "convert", configfile=overlay, check=False, NUWEAVE_GLOBUS_ENDPOINT="")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("nuweave: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"nuweave: {tmp_path}/data: 2 of the files of Two missing: NUWEAVE_GLOBUS_ENDPOINT is ")
    assert f"or put into {tmp_path}/data, from Globus {PROVIDER}:/" in lines[0]
    assert "Traceback" not in done.stdout
    assert "localrule" not in done.stdout, "something was run"

    globus = FakeGlobus(tmp_path / "globus", {PROVIDER: tmp_path / "provider", MACHINE: tmp_path})
    way = {
        "PATH": f"{globus.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NUWEAVE_GLOBUS_ENDPOINT": f"{MACHINE}:{tmp_path}",
    }
    planned = snakemake("--until", "convert", "-n", configfile=overlay).stdout
    assert "stage a.h5" in planned
    snakemake("--until", "convert", configfile=overlay, **way)
    assert sorted(path.name for path in (root / "shards").glob("*.h5")) == ["a.h5", "b.h5"]
    assert sorted(path.name for path in (tmp_path / "data").glob("*.h5")) == ["a.h5", "b.h5"]

    (tmp_path / "data/a.h5").unlink()
    written = (root / "shards/a.h5").stat().st_mtime_ns
    snakemake("--until", "convert", configfile=overlay, NUWEAVE_GLOBUS_ENDPOINT="")
    assert (root / "shards/a.h5").stat().st_mtime_ns == written
