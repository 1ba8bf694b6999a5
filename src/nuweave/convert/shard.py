"""Convert one file of a simulation into one shard and its manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave import __version__
from nuweave.config.convert import ConvertConfig, TruthConfig
from nuweave.convert.downsample import downsample
from nuweave.convert.event import Event, Images
from nuweave.convert.imaging import make_images
from nuweave.convert.sources import Source, open_source
from nuweave.physics.detectors import Detector
from nuweave.physics.truth import PRODUCT_OF_HEAD, event_classes
from nuweave.store import PARTICLE, EventId, ShardWriter, StoreError, write_aside

NOISE_STREAM = 1  # sets the noise apart from anything else that is drawn for (run, event)


def convert_file(source: Path, shard: Path, *, settings: ConvertConfig, detector: Detector, run: int) -> dict[str, Any]:
    """Write the shard and, beside it, its manifest; both appear only when all events are converted.

    Args:
        source: the simulation's file.
        shard: the larcv3 file to make; the manifest is `shard` with the suffix .json.
        settings: of the conversion.
        detector: geometry and readout; not used on inputs that hold images.
        run: number of the file in this run of the workflow.
    Returns:
        the manifest.
    Raises:
        StoreError: the file cannot be used, or none of its events has min_sites.
        ConfigError: settings that do not fit the detector or the images.
    """
    with closing(open_source(settings.adapter, source)) as opened, write_aside(shard.with_suffix(".json")) as aside:
        num_written, products = 0, []
        with ShardWriter(shard) as writer:
            for event, images in _converted(opened, settings=settings, detector=detector, run=run):
                content = event_products(event, images, settings.truth, heads=opened.provides.heads)
                writer.append(EventId(run, 0, event.number), **content)
                products = sorted(name for kind in content.values() for name in kind)
                num_written += 1
            if num_written == 0:
                raise StoreError(
                    f"{source}: none of its {len(opened)} events has convert.min_sites={settings.min_sites} stored "
                    "pixels; lower it, check that detector and file belong together, or leave the file out"
                )
        manifest = _manifest(source, opened, settings, detector) | {
            "run": run,
            "events_read": len(opened),
            "events_written": num_written,
            "events_dropped": len(opened) - num_written,
            "products": products,
        }
        aside.write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _converted(
    source: Source, *, settings: ConvertConfig, detector: Detector, run: int
) -> Iterator[tuple[Event, Images]]:
    """Every event with enough sites, and its down-sampled images."""
    for entry in range(len(source)):
        event = source.event(entry)
        images = event.content
        if not isinstance(images, Images):
            seed = np.random.SeedSequence([run, event.number, NOISE_STREAM])
            images = make_images(
                images,
                event.vertex,
                detector=detector,
                settings=settings.response,
                rng=np.random.default_rng(seed),
            )
        images = downsample(images, settings.downsample, settings.pooling)
        if images.values and sum(len(image.ids) for image in images.values) >= settings.min_sites:
            yield event, images


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
