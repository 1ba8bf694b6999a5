"""What a display says of its event."""

from __future__ import annotations

import pandas as pd

from nuweave.report.sections.events import neutrino_energy


def test_an_event_without_a_neutrino_says_so() -> None:
    table = pd.DataFrame({"event": [1, 2], "neutrino": pd.array([0, None], "Int8"), "nu_energy_gev": [1.25, None]})
    assert [neutrino_energy(table.iloc[row]) for row in range(2)] == ["1.25 GeV", "no neutrino"]
