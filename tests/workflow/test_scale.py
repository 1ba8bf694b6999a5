"""Thousands of files: each is planned once, no command line grows with them, and what is made is left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nuweave.bench.dag import NOTHING, dry_run, finish, lay_out
from tests.clone import CHECKOUT
from tests.workflow.test_dag import planned

pytestmark = pytest.mark.cluster
NUM_FILES = 5000
LONGEST_ARGUMENT = 128 * 1024  # bytes that Linux takes as one argument, as bash -c gets a whole command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with many sources where nothing is made."""
    folder = tmp_path_factory.mktemp("scale")
    lay_out(folder, CHECKOUT, NUM_FILES)
    return folder


@pytest.fixture(scope="module")
def plan(folder: Path) -> str:
    """What a dry run of everything says where jobs are grouped."""
    return dry_run(folder, "all", "larcv_check", "--printshellcmds", profile="polaris")


def test_each_of_many_sources_is_converted_once(plan: str) -> None:
    jobs = planned(plan)
    assert (jobs["convert"], jobs["list_shards"], jobs["catalog"], jobs["pack"]) == (NUM_FILES, 1, 1, 3)
    commands = re.findall(r"nuweave convert data/(\d+)\.h5 results/scale/shards/(\d+)\.h5 .*--run (\d+)", plan)
    assert sorted((int(raw), int(shard), int(run)) for raw, shard, run in commands) == [
        (file, file, file) for file in range(NUM_FILES)
    ]


def test_no_command_grows_with_the_number_of_sources(plan: str) -> None:
    """The names of all shards are longer than one argument may be."""
    commands = re.findall(r"^.*\bnuweave \w.* --.*$", plan, re.MULTILINE)
    assert {line.split("nuweave ")[1].split()[0] for line in commands} >= {"convert", "catalog", "pack", "larcv-check"}
    assert max(map(len, commands)) < 1000 < LONGEST_ARGUMENT < NUM_FILES * len("results/scale/shards/00000.h5 ")


def test_nothing_is_planned_when_all_is_made_and_everything_after_a_change(folder: Path) -> None:
    finish(folder)
    output = dry_run(folder)
    assert NOTHING in output
    assert "missing provenance" not in output
    changed = planned(dry_run(folder, "--quiet", "rules", "--config", "convert={downsample: 8}"))
    assert changed["convert"] == NUM_FILES
