"""Machine code: the same results, kept in a folder of its own for each state of its sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from nuweave.physics.compiled import cache_folder

CALLEE = """
from nuweave.physics.compiled import compiler
compiled = compiler(__file__)

@compiled
def scale(x: int) -> int:
    return {factor} * x
"""
CALLER = """
from pathlib import Path
import numba, callee
from nuweave.physics.compiled import compiler
before = numba.config.CACHE_DIR
compiled = compiler(__file__, callee.__file__)
assert numba.config.CACHE_DIR == before

@compiled
def scaled(x: int) -> int:
    return callee.scale(x) + 1

print(scaled(3), sum(scaled.stats.cache_hits.values()))
"""


def run(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-W", "error", folder / "caller.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_code_is_kept_until_a_source_of_it_changes(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "callee.py").write_text(CALLEE.format(factor=2))
    assert [run(tmp_path), run(tmp_path)] == ["7 0", "7 1"]
    (tmp_path / "callee.py").write_text(CALLEE.format(factor=5))
    assert run(tmp_path) == "16 0"


def test_the_folder_lies_beside_the_first_source_and_its_name_hangs_on_all(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a = 1")
    other.write_text("b = 1")
    before = cache_folder(one, other)
    assert Path(before).name.startswith("nuweave-")
    assert cache_folder(one, other) == before
    other.write_text("b = 2")
    assert cache_folder(one, other) != before
