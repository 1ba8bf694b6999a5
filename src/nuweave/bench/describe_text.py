"""A description of a network as plain text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from nuweave.bench.cost import Cost
from nuweave.bench.describe import Description, Layout

COSTS: tuple[tuple[str, Callable[[Cost], float]], ...] = (
    ("forward [GFLOP]", lambda cost: cost.flop_forward / 1e9),
    ("forward and backward [GFLOP]", lambda cost: (cost.flop_forward + cost.flop_backward) / 1e9),
    ("kept for the backward pass [MiB]", lambda cost: (cost.saved_bytes + cost.map_bytes) / 2**20),
    ("of it kernel maps [MiB]", lambda cost: cost.map_bytes / 2**20),
)
LAYOUTS: tuple[Layout, ...] = ("dense", "sparse")


def as_text(found: Description) -> str:
    """A line of what it is, its layers, and the costs of an event side by side."""
    event = found.event
    axes = " x ".join(str(length) for length in event.shape)
    title = f"{found.model}: {found.network} for {found.task}, {found.layout}, {found.num_parameters:,} parameters"
    images = f"{event.num_images} {'image' if event.num_images == 1 else 'images'} of {axes} sites an event"
    active = f"{100 * event.occupancy:.2g} % of them active where it is sparse"
    refused = [f"{layout}: {why}" for layout, why in found.refused.items()]
    return "\n".join([title, f"{images}, {active}", "", *_layer_lines(found), "", *_cost_lines(found), *refused, ""])


def _layer_lines(found: Description) -> list[str]:
    rows = [("layer", "kind", "output", "parameters")]
    for layer in found.layers:
        output = " x ".join(str(length) for length in layer.output_shape)
        rows.append((layer.name, layer.kind, output, f"{layer.num_parameters:,}"))
    return _aligned(rows, num_left=3)


def _cost_lines(found: Description) -> list[str]:
    num_sites = found.event.num_images * math.prod(found.event.shape)
    costs = [found.costs.get(layout) for layout in LAYOUTS]
    rows = [("of an event", *LAYOUTS, "dense / sparse"), _row("sites", num_sites, found.num_active)]
    rows += [_row(label, *(None if cost is None else figure(cost) for cost in costs)) for label, figure in COSTS]
    return _aligned(rows, num_left=1)


def _row(label: str, dense: float | None, sparse: float | None) -> tuple[str, ...]:
    ratio = dense / sparse if dense and sparse else None
    return (label, *("-" if value is None else _number(value) for value in (dense, sparse, ratio)))


def _number(value: float) -> str:
    """Three digits that count, or more ahead of the point; 0 below a thousandth."""
    return f"{value:,.0f}" if value >= 100 or value < 1e-3 else f"{value:.3g}"


def _aligned(rows: Sequence[tuple[str, ...]], *, num_left: int) -> list[str]:
    """Columns of equal width, the first `num_left` flush left, numbers flush right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column < num_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
