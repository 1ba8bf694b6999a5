"""One look for all figures, and how a figure becomes a picture of the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib.pyplot as plt
import mplhep
import numpy as np
from cycler import cycler
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

# Okabe and Ito: told apart with every kind of colour vision
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, GREY = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#9AA0A6"),
)
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
SITE_COLOURS = {0: "#B4B8BD", 1: BLUE, 2: VERMILION}
INK = "#1c2430"
PALE_TO_DARK = ListedColormap(plt.get_cmap("YlGnBu")(np.linspace(0.25, 1.0, 256)))  # pale, but seen on white

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 5,
    "ytick.major.size": 5,
    "xtick.minor.size": 2.5,
    "ytick.minor.size": 2.5,
    "xtick.major.pad": 4,
    "ytick.major.pad": 4,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.7,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "figure.dpi": 100,
    "savefig.pad_inches": 0.06,
    "svg.hashsalt": "nuweave",
    "axes.prop_cycle": cycler(color=CYCLE),
}


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: a data address, what it shows in words, and what stands under it."""

    src: str
    alt: str
    caption: str
    wide: bool = False


@contextmanager
def page_style() -> Iterator[None]:
    """Draw inside this block: the style of mplhep with sizes for a page, the caller's own settings come back after."""
    with plt.style.context([mplhep.style.ROOT, _STYLE]):
        yield


def svg(figure: Figure, *, alt: str, caption: str, wide: bool = False) -> Picture:
    """A vector picture, for figures of few lines. Closes the figure."""
    return _picture(figure, "svg", "image/svg+xml", alt=alt, caption=caption, wide=wide)


def png(figure: Figure, *, alt: str, caption: str, wide: bool = False) -> Picture:
    """A pixel picture, for event displays with many points. Closes the figure."""
    return _picture(figure, "png", "image/png", alt=alt, caption=caption, wide=wide)


def _picture(figure: Figure, kind: str, mime: str, *, alt: str, caption: str, wide: bool) -> Picture:
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    box = "tight" if kind == "svg" else None  # displays have fixed places
    figure.savefig(buffer, format=kind, dpi=130, metadata=metadata, bbox_inches=box)
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:{mime};base64,{data}", alt, caption, wide)
