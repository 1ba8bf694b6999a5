"""What is in a file: its format, the truth it provides, its first events; nothing is converted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nuweave.convert.event import Deposits, Event
from nuweave.convert.sources import find_adapter, open_source
from nuweave.store import StoreError

TRUTH = {
    "site_labels": "cosmic or neutrino, of each site",
    "semantics": "shower, track, Michel electron or delta ray, of each site",
    "vertex": "vertex",
    "particles": "neutrino and its final state",
    "mode": "how the neutrino scattered",
}


@dataclass(frozen=True)
class EventSummary:
    """One event, in numbers.

    Attributes:
        number: the source's.
        content: "deposits" or "images".
        shapes: sites along each axis of each image; empty for deposits.
        num: deposits, or stored sites of each image.
        total: energy of the deposits [MeV], or the sum of the values of each image.
        low_cm, high_cm: the box that holds all deposits, in the file's own axes; None for images and without deposits.
        vertex_cm: the vertex; None where there is none.
        neutrino: PDG code of the neutrino; None where there is none.
    """

    number: int
    content: str
    shapes: list[list[int]]
    num: list[int]
    total: list[float]
    low_cm: list[float] | None
    high_cm: list[float] | None
    vertex_cm: list[float] | None
    neutrino: int | None


@dataclass(frozen=True)
class Inspection:
    """A file: the adapter that reads it, what it says of itself, its truth, and its first events."""

    path: str
    adapter: str
    volume: str | None
    num_events: int
    generator: str | None
    generator_seed: str | None
    truth: dict[str, bool]
    events: list[EventSummary]


def find_format(path: Path) -> str:
    """Name of the adapter that reads a file.

    Raises:
        StoreError: there is no such file, or no adapter knows its format.
    """
    adapter = find_adapter(path)
    if adapter is None:
        raise StoreError(f"{path}: is in no format that nuweave reads; docs/formats.md lists them")
    return adapter


def inspect_file(path: Path, adapter: str, *, volume: str | None = None, num_events: int = 3) -> Inspection:
    """Open a file and read its first events.

    Args:
        path: the file.
        adapter: that reads it (`find_format`).
        volume: the sensitive detector to read, where the file has several.
        num_events: to summarise.
    Raises:
        StoreError: the file cannot be used, or has several volumes and none was chosen.
    """
    with closing(open_source(adapter, path, volume=volume)) as source:
        events = [summary(source.event(entry)) for entry in range(min(num_events, len(source)))]
        return Inspection(
            path=str(path),
            adapter=adapter,
            volume=volume,
            num_events=len(source),
            generator=source.generator,
            generator_seed=source.generator_seed,
            truth=asdict(source.provides),
            events=events,
        )


def summary(event: Event) -> EventSummary:
    """An event in numbers."""
    content = event.content
    low = high = None
    if isinstance(content, Deposits):
        kind, shapes, num, total = "deposits", [], [len(content)], [float(content.energy_mev_N.sum())]
        if len(content):
            ends = np.concatenate([content.start_cm_N3, content.end_cm_N3])
            low, high = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
    else:
        kind, shapes = "images", [list(image.shape) for image in content.values]
        num = [len(image.ids) for image in content.values]
        total = [float(image.values.sum(dtype=np.float64)) for image in content.values]
    return EventSummary(
        number=event.number,
        content=kind,
        shapes=shapes,
        num=num,
        total=total,
        low_cm=low,
        high_cm=high,
        vertex_cm=None if event.vertex is None else event.vertex.place_cm.tolist(),
        neutrino=int(event.particles["pdg"][0]) if event.particles is not None and len(event.particles) else None,
    )


def lines(found: Inspection) -> Iterator[str]:
    """The same for a reader."""
    volume = "" if found.volume is None else f", volume {found.volume}"
    yield f"{found.path}{volume}: {found.num_events} events"
    if found.generator is not None:
        seed = "" if found.generator_seed is None else f", seed {found.generator_seed}"
        yield f"generator: {found.generator}{seed}"
    yield "truth:"
    for name, is_known in found.truth.items():
        yield f"  {'yes' if is_known else 'no':4}{TRUTH[name]}"
    for event in found.events:
        yield f"event {event.number}: {_content_line(event)}"
        if event.vertex_cm is not None:
            who = "" if event.neutrino is None else f", of neutrino {event.neutrino}"
            yield f"  vertex at ({', '.join(f'{place:.1f}' for place in event.vertex_cm)}) cm{who}"


def _content_line(event: EventSummary) -> str:
    if event.content == "images":
        each = zip(event.shapes, event.num, event.total, strict=True)
        return "; ".join(
            f"image of {' x '.join(map(str, shape))}: {num} sites, sum {total:.5g}" for shape, num, total in each
        )
    text = f"{event.num[0]} deposits, {event.total[0]:.5g} MeV"
    if event.low_cm is None or event.high_cm is None:
        return text
    sides = zip("xyz", event.low_cm, event.high_cm, strict=True)
    return f"{text}, {', '.join(f'{axis} {low:.1f} to {high:.1f}' for axis, low, high in sides)} cm"
