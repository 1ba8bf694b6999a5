"""The part "Data" holds with all truth and with none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from nuweave.config import Config
from nuweave.config.tasks import HEADS
from nuweave.report.figures.style import page_style
from nuweave.report.gather import RunTables, gather
from nuweave.report.sections.blocks import Block
from nuweave.report.sections.data import data_part


def blocks_of(tables: RunTables) -> dict[str, Block]:
    """The blocks by title."""
    with page_style():
        return {block.title: block for block in data_part(tables).blocks}


def test_every_question_of_the_data_has_its_heading(config: Config) -> None:
    blocks = blocks_of(gather(config))
    assert list(blocks) == [
        *("Files", "Truth", "Split and balance", "Leaks and duplicates", "Events"),
        *("Simulation against reference", "Shift between samples"),
    ]
    assert len(blocks["Events"].pictures) == 3
    assert blocks["Events"].text == []


def test_data_without_any_truth_is_shown_with_its_gaps(weights_config: Config) -> None:
    tables = gather(weights_config)
    nothing = {name: pd.array([pd.NA] * len(tables.catalog), "Int8") for name in (*HEADS, "nu_pdg")}
    counts = dict.fromkeys(("num_background", "num_cosmic", "num_neutrino", "nu_energy_gev", "charge_neutrino"), np.nan)
    catalog = tables.catalog.assign(**nothing, **counts)
    quality = tables.quality | {"balance": {}, "visible": {}}
    blocks = blocks_of(replace(tables, catalog=catalog, quality=quality, manifests=[]))
    assert blocks["Truth"].grids[0].notes[0] == "24 events have no neutrino"
    assert "no class has 10 events" in blocks["Events"].text[0]
    assert len(blocks["Events"].pictures) == 1
    assert blocks["Split and balance"].grids == []
    assert "nothing was split" in blocks["Shift between samples"].text[0]
