"""Convert one file of a simulation into one shard and its manifest."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nuweave import __version__
from nuweave.config.convert import ConvertConfig, TruthConfig
from nuweave.convert.checks import NOWHERE, Spread, check_event, require_mostly_inside
from nuweave.convert.downsample import downsample
from nuweave.convert.event import Event, Images, Note, Provides
from nuweave.convert.frame import to_detector
from nuweave.convert.imaging import make_images
from nuweave.convert.sources import Source, open_source
from nuweave.physics.detectors import Detector
from nuweave.physics.truth import PRODUCT_OF_HEAD, event_classes
from nuweave.ranks import ALONE, World
from nuweave.store import PARTICLE, EventId, ShardWriter, StoreError, write_aside

BLOCK_EVENTS = 8  # events that a rank converts between two exchanges
NOISE_STREAM = 1  # sets the noise apart from anything else that is drawn for (run, event)


Reason = Literal["no_deposits", "few_sites"]
"""Why an event is dropped: nothing was deposited in the detector, or fewer sites than min_sites are stored."""


class Converted(NamedTuple):
    """What became of one event.

    Attributes:
        number: the source's.
        content: its products, as ShardWriter.append takes them, or why it is dropped.
        notes: how often each fault was found in it.
        spread: where its energy lies.
    """

    number: int
    content: dict[str, dict[str, Any]] | Reason
    notes: Mapping[Note, int]
    spread: Spread


def convert_file(
    source: Path,
    shard: Path,
    *,
    settings: ConvertConfig,
    detector: Detector,
    run: int,
    world: World = ALONE,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Write the shard and, beside it, its manifest; both appear only when all events are converted.

    Ranks share the events out, rank 0 writes: the shard has the same bytes however many they are.

    Args:
        source: the simulation's file.
        shard: the larcv3 file to make; the manifest is `shard` with the suffix .json.
        settings: of the conversion.
        detector: geometry and readout; not used on inputs that hold images.
        run: number of the file in this run of the workflow.
        world: the ranks that convert this file together.
        advance: told how many events are done, of how many.
    Returns:
        the manifest; on rank 0 only, the others get an empty one.
    Raises:
        StoreError: the file cannot be used, most of its energy lies outside of the detector, or none of its events
            has min_sites.
        ConfigError: settings that do not fit the detector or the images.
    """
    with ExitStack() as stack:
        opened = world.together(lambda: open_source(settings.adapter, source, volume=settings.volume))
        stack.enter_context(closing(opened))
        output = world.together(lambda: stack.enter_context(_Output(shard)) if world.rank == 0 else None)
        for first in range(0, len(opened), BLOCK_EVENTS * world.size):
            entries = share_of(first, len(opened), world)
            converted = world.gather(world.together(partial(_convert, opened, entries, settings, detector, run)))
            world.together(partial(_append, output, chain.from_iterable(converted), run))
            advance(min(first + BLOCK_EVENTS * world.size, len(opened)), len(opened))
        return world.together(lambda: _finish(output, source, opened, settings, detector, run))


def share_of(first: int, num_events: int, world: World) -> range:
    """The entries that this rank converts, of the round of blocks that begins with `first`."""
    start = first + BLOCK_EVENTS * world.rank
    return range(min(start, num_events), min(start + BLOCK_EVENTS, num_events))


class _Output:
    """The shard and the manifest being written, and the counts for the manifest; used by rank 0 only."""

    def __init__(self, shard: Path) -> None:
        self._stack = ExitStack()
        self._shard = shard
        self.num_written = 0
        self.products: list[str] = []
        self.notes: Counter[Note] = Counter()
        self.dropped: Counter[Reason] = Counter()
        self.spread = NOWHERE

    def __enter__(self) -> _Output:
        self._manifest = self._stack.enter_context(write_aside(self._shard.with_suffix(".json")))
        self._writer = self._stack.enter_context(ShardWriter(self._shard))
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def append(self, event: Converted, run: int) -> None:
        """Write an event, unless it was dropped."""
        self.notes.update(event.notes)
        self.spread += event.spread
        if isinstance(event.content, str):
            self.dropped[event.content] += 1
            return
        self._writer.append(EventId(run, 0, event.number), **event.content)
        self.products = sorted(name for kind in event.content.values() for name in kind)
        self.num_written += 1

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest."""
        self._manifest.write_text(json.dumps(manifest, indent=2) + "\n")


def _append(output: _Output | None, events: Iterable[Converted], run: int) -> None:
    if output is not None:
        for event in events:
            output.append(event, run)


def _finish(
    output: _Output | None, source: Path, opened: Source, settings: ConvertConfig, detector: Detector, run: int
) -> dict[str, Any]:
    """Write the manifest, on rank 0."""
    if output is None:
        return {}
    require_mostly_inside(output.spread, detector, source)
    dropped = dict(sorted(output.dropped.items()))
    if output.num_written == 0:
        raise StoreError(
            f"{source}: none of its {len(opened)} events has convert.min_sites={settings.min_sites} stored pixels "
            f"({_counts(dropped)}); lower it, check that detector and file belong together, or leave the file out"
        )
    manifest = _manifest(source, opened, settings, detector) | {
        "run": run,
        "events_read": len(opened),
        "events_written": output.num_written,
        "events_dropped": len(opened) - output.num_written,
        "dropped": dropped,
        "notes": dict(sorted(output.notes.items())),
        "products": output.products,
    }
    output.finish(manifest)
    return manifest


def _counts(dropped: Mapping[Reason, int]) -> str:
    return ", ".join(f"{reason.replace('_', ' ')}: {num}" for reason, num in dropped.items()) or "it has none"


def _convert(
    source: Source, entries: Iterable[int], settings: ConvertConfig, detector: Detector, run: int
) -> list[Converted]:
    return [convert_event(source.event(entry), source.provides, settings, detector, run=run) for entry in entries]


def convert_event(
    event: Event, provides: Provides, settings: ConvertConfig, detector: Detector, *, run: int
) -> Converted:
    """The products of an event; what they are does not depend on any other event."""
    event = to_detector(event, axes=settings.axes, shift_cm=settings.shift_cm)
    event, spread = check_event(event, detector)
    images = event.content
    if not isinstance(images, Images):
        if len(images) == 0:  # its image would be noise alone
            return Converted(event.number, "no_deposits", event.notes, spread)
        seed = np.random.SeedSequence([run, event.number, NOISE_STREAM])
        images = make_images(
            images, event.vertex, detector=detector, settings=settings.response, rng=np.random.default_rng(seed)
        )
        if not provides.vertex:  # that none is known is not that there is none
            images = replace(images, vertex=None)
    images = downsample(images, settings.downsample, settings.pooling)
    if not images.values or sum(len(image.ids) for image in images.values) < settings.min_sites:
        return Converted(event.number, "few_sites", event.notes, spread)
    content = event_products(event, images, settings.truth, heads=provides.heads)
    return Converted(event.number, content, event.notes, spread)


def event_products(
    event: Event, images: Images, settings: TruthConfig, *, heads: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The products of one event as ShardWriter.append takes them; truth that the source lacks is absent.

    Args:
        event: the source's, for its truth.
        images: of the event.
        settings: thresholds and policies of the classes.
        heads: event classes that the source can give.
    """
    ndim = len(images.values[0].shape)
    sparse = {f"sparse{ndim}d_image": images.values}
    if images.labels is not None:
        sparse[f"sparse{ndim}d_label"] = images.labels
    if images.semantics is not None:
        sparse[f"sparse{ndim}d_semantic"] = images.semantics
    clusters = {} if images.vertex is None else {f"cluster{ndim}d_vertex": images.vertex}
    rows = {}
    if event.particles is not None:
        classes = event_classes(event.particles, settings, mode=event.mode)
        rows = {"particle_truth": event.particles} | class_products(classes, heads)
    return {"sparse": sparse, "clusters": clusters, "particles": rows}


def class_products(classes: Mapping[str, int], heads: Sequence[str]) -> dict[str, NDArray[Any]]:
    """A product for each of `heads`: one particle whose `pdg` is the class, or none where the event has no class."""
    products = {}
    for head in heads:
        rows = np.zeros(int(head in classes), PARTICLE)
        rows["pdg"] = classes.get(head, 0)
        products[PRODUCT_OF_HEAD[head]] = rows
    return products


def _manifest(source: Path, opened: Source, settings: ConvertConfig, detector: Detector) -> dict[str, Any]:
    """Where the shard comes from."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    canonical = json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    known = opened.provides
    return {
        "source": str(source),
        "source_sha256": digest,
        "source_bytes": source.stat().st_size,
        "adapter": settings.adapter,
        "generator": opened.generator,
        "generator_seed": opened.generator_seed,
        "detector": detector.name,
        "settings_sha256": hashlib.sha256(canonical.encode()).hexdigest(),
        "truth": {
            "site_labels": known.site_labels,
            "semantics": known.semantics,
            "vertex": known.vertex,
            "neutrino": known.particles,
            "particles": known.particles,
            "mode": known.mode,
        },
        "nuweave": __version__,
    }
