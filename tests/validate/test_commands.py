"""The commands print what they found, write it, and fail only where they are told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nuweave.cli import app
from nuweave.validate import run
from nuweave.validate.record import Findings, Validation, read_validation
from tests import mock


def test_validate_prints_the_table_and_writes_it(
    tmp_path: Path, validation: Validation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def checks(**settings: object) -> Findings:
        asked.update(settings)
        return Findings(validation.rows, validation.figures)

    monkeypatch.setattr(run, "run_checks", checks)
    json_file = tmp_path / "validation.json"
    files = ["--reference", "real.h5", "--network", "m.json", "--edepsim", "a.h5", "--edepsim", "b.h5"]
    options = ["--volume", "lar", "--events", "7", "--seed", "3", "--json", str(json_file)]
    done = CliRunner().invoke(app, ["validate", *files, *options])
    assert done.exit_code == 0
    assert asked == {
        "reference": Path("real.h5"),
        "networks": [Path("m.json")],
        "edepsim": [Path("a.h5"), Path("b.h5")],
        "volume": "lar",
        "num_events": 7,
        "seed": 3,
    }
    assert "| images | sites    | 14,218       | 500 to 2,400 | MISSED |" in done.stdout
    written = read_validation(json_file)
    assert (written.rows, written.figures) == (validation.rows, validation.figures)
    assert CliRunner().invoke(app, ["validate"]).exit_code == 0


@pytest.mark.parametrize(("chosen", "status"), [(slice(None), 1), (slice(0, 1), 0), (slice(2, 3), 0)])
def test_strict_fails_where_a_value_is_beyond_its_limits_not_where_it_is_missing(
    chosen: slice, status: int, validation: Validation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run_checks", lambda **_: Findings(validation.rows[chosen]))
    assert CliRunner().invoke(app, ["validate", "--strict"]).exit_code == status


def test_shift_writes_what_it_prints(tmp_path: Path) -> None:
    a, b = (mock.write_shard(tmp_path / f"{num}.h5", num_events=3, num_sites=num) for num in (40, 80))
    done = CliRunner().invoke(app, ["shift", str(a), str(b), "--json", str(tmp_path / "shift.json")])
    assert done.exit_code == 0
    assert f"a: {a}, 3 events" in done.stdout
    found = json.loads((tmp_path / "shift.json").read_text())
    assert list(found) == ["a", "b", "num_events", "auc", "auc_error", "reason", "distances"]
    assert (found["a"], found["num_events"], found["auc"]) == (str(a), [3, 3], None)
    assert found["distances"][0] == {"figure": "sites", "plane": 0, "label": "all", "distance": 2.0}
