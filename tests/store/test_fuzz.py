"""Hundreds of damaged copies of files: the right data or an error that names the file, no other data, no crash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store import samples
from tests.store.trials import REFUSED, RIGHT, family, outcome

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file as larcv3 writes it, a repacked one and an archive, each with its cached index."""
    folder = tmp_path_factory.mktemp("originals")
    larcv, compact = samples.write_larcv_like(folder / "larcv.h5"), samples.write_compact(folder / "compact.h5")
    archive = samples.rewrite(larcv, folder / "archive.h5", columns=samples.SHUFFLED, tables=samples.SHUFFLED)
    for path in (larcv, compact, archive):
        assert not any(isinstance(content, Exception) for content in samples.read_all(path).values())
    return {"larcv": larcv, "compact": compact, "archive": archive}


@pytest.fixture(scope="module")
def right(originals: dict[str, Path]) -> dict[str, dict[str, object]]:
    return {name: samples.read_all(path) for name, path in originals.items()}


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        ("larcv", "larcv.h5:flip:160 larcv.h5:zero:60 larcv.h5:cut:20 .larcv.h5.index.npz:flip:20"),
        ("compact", "compact.h5:flip:160 compact.h5:zero:60 compact.h5:cut:20 compact.h5.sums.json:flip:60"),
        ("compact", "compact.h5.sums.json:zero:10 .compact.h5.index.npz:cut:20 .compact.h5.index.npz:zero:20"),
        ("archive", "archive.h5:flip:60 archive.h5:zero:20"),
    ],
    ids=["larcv", "compact", "beside", "archive"],
)
def test_no_damage_gives_other_data_or_a_crash(
    originals: dict[str, Path], tmp_path: Path, name: str, trials: str
) -> None:
    for path in family(originals[name]):
        shutil.copy2(path, tmp_path / path.name)
    command = [sys.executable, "-m", "tests.store.trials", str(tmp_path / originals[name].name), *trials.split()]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    lines = run.stdout.splitlines()
    assert run.returncode == 0, f"it ended with {run.returncode} in {lines[-1:]}: {run.stderr}"
    cases = [line.split("\t") for line in lines]
    counts = Counter(found for _, found in cases)
    assert set(counts) == {RIGHT, REFUSED}, [case for case in cases if case[1] not in (RIGHT, REFUSED)]
    assert counts.total() == sum(int(trial.rpartition(":")[2]) for trial in trials.split())
    # a damaged cache is as good as none
    assert {found for case, found in cases if case.startswith(".")} <= {RIGHT}


EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4
)


@settings(derandomize=True, max_examples=120, deadline=None, database=None)
@given(name=st.sampled_from(["larcv", "compact", "archive"]), edits=EDITS)
def test_no_few_bytes_written_over_a_file_give_other_data(
    originals: dict[str, Path], right: dict[str, dict[str, object]], name: str, edits: list[tuple[float, bytes]]
) -> None:
    original = originals[name]
    folder = original.with_name("edited")
    folder.mkdir(exist_ok=True)
    for path in family(original):
        shutil.copy2(path, folder / path.name)
    content = bytearray(original.read_bytes())
    for place, edit in edits:
        at = int(place * len(content))
        content[at : at + len(edit)] = edit[: len(content) - at]
    (folder / original.name).write_bytes(content)
    assert outcome(folder / original.name, right[name]) in (RIGHT, REFUSED)
