"""What a display says of its event."""

from __future__ import annotations

import json
import math

import pandas as pd

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.sections.events import events_part, neutrino_energy
from tests.report.conftest import KEY


def test_an_event_without_a_neutrino_says_so() -> None:
    table = pd.DataFrame({"event": [1, 2], "neutrino": pd.array([0, None], "Int8"), "nu_energy_gev": [1.25, None]})
    assert [neutrino_energy(table.iloc[row]) for row in range(2)] == ["1.25 GeV", "no neutrino"]


def test_a_display_of_several_tasks_tells_of_each(several_config: Config) -> None:
    with page_style():
        (block,) = events_part(gather(several_config)).blocks
    assert list(block.facts)[3:] == [
        "mean IoU",
        "mean distance of the vertex",
        "probability of the truth (geometric mean over heads)",
    ]
    assert block.facts["mean distance of the vertex"] == "1.2 cm"
    classes, vertex = block.grids
    assert classes.caption == "Truth and prediction"
    assert list(vertex.rows[0]) == ["plane 0, site", "5.0, 5.0", "6.0, 6.0", "0.700", "1.2"]
    assert list(vertex.rows[3]) == ["in space [cm]", "10.0, 10.0, 10.0", "13.0, 13.0, 13.0", "\N{EN DASH}", "5.2"]
    assert len(block.pictures) == 2


def test_an_event_without_a_vertex_is_shown_without_one(several_config: Config) -> None:
    directory = several_config.root / "models/all"
    table = pd.read_parquet(directory / "predictions.parquet")
    last = table.iloc[[-1]].assign(score=math.nan, vertex_score=math.nan)
    last["neutrino"] = pd.array([None], "Int8")
    summary = json.loads((directory / "metrics.json").read_text())
    summary["displays"] = [{"kind": "random", "score": None, **{key: int(last[key].iloc[0]) for key in KEY}}]
    pd.concat([table.iloc[:-1].astype({"neutrino": "Int8"}), last]).to_parquet(directory / "predictions.parquet")
    (directory / "metrics.json").write_text(json.dumps(summary))
    with page_style():
        (block,) = events_part(gather(several_config)).blocks
    assert block.facts["mean distance of the vertex"] == "\N{EN DASH}"
    assert next(iter(block.grids[-1].rows))[1:] == ["\N{EN DASH}, \N{EN DASH}", "6.0, 6.0", "0.700", "\N{EN DASH}"]
