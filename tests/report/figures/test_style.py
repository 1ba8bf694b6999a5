"""Figures as pictures of the page."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from nuweave.report.figures import style


def drawn() -> Figure:
    figure, axis = plt.subplots(figsize=(2, 1))
    axis.scatter([1, 2], [3, 4])
    return figure


@pytest.mark.parametrize("kind", [style.svg, style.png])
def test_same_figure_gives_the_same_picture(kind: Callable[..., style.Picture]) -> None:
    with style.page_style():
        first, second = (kind(drawn(), alt="two points", caption="Two points.") for _ in range(2))
    assert first == second
    assert first.alt == "two points"
    assert plt.get_fignums() == []


def test_style_of_the_caller_comes_back() -> None:
    before = plt.rcParams["font.size"]
    with style.page_style():
        assert plt.rcParams["font.size"] == 10
    assert plt.rcParams["font.size"] == before
