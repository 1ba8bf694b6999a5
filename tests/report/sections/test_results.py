"""The results of each task."""

from __future__ import annotations

from nuweave.config import Config
from nuweave.report.figures.style import page_style
from nuweave.report.gather import gather
from nuweave.report.sections.results import results_part


def test_each_of_several_tasks_has_its_block(several_config: Config) -> None:
    with page_style():
        sites, vertex, event = results_part(gather(several_config)).blocks
    assert (sites.title, event.title) == ("all: sites", "all: event")
    assert [grid.caption for grid in vertex.grids] == [
        "Metrics, mean over the planes, and of all planes combined",
        "Metrics of single planes",
        "The trivial baselines",
    ]
    assert [row[0] for row in vertex.grids[0].rows] == ["box accuracy", "within 5cm", "combined: within 5cm"]
    curves, boxes, energy = vertex.pictures
    assert "medians: plane 0 1.2 cm, plane 1 1.2 cm, plane 2 1.2 cm, in space 19.1 cm" in curves.caption
    assert "plane 2 0.600" in boxes.alt
    assert "within 5 cm" in energy.alt
