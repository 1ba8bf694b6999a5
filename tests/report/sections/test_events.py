"""What a display says of its event."""

from __future__ import annotations

import pandas as pd

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.sections.events import events_part, neutrino_energy


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
