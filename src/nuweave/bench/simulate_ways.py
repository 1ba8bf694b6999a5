"""What `bench simulate` times: events from their seed to a shard, the parts of that way, and other ways to go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nuweave.config.convert import ConvertConfig
from nuweave.config.simulate import SimulateConfig
from nuweave.convert import convert_file
from nuweave.convert.noise import noise_sites
from nuweave.convert.shard import convert_event
from nuweave.convert.sources import open_source
from nuweave.physics.detectors import Detector, get_detector
from nuweave.simulate import simulate_event, simulate_file
from nuweave.store.edepsim import CHUNK_ROWS
from nuweave.store.edepsim_file import read_edepsim

Ways = Mapping[str, Callable[[], object]]
SEED = 1
STORED: dict[str, dict[str, Any]] = {  # how segments could lie in a raw file
    "gzip 1, shuffled": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
    "lzf, shuffled": {"compression": "lzf", "shuffle": True},
    "uncompressed": {},
}


@dataclass(frozen=True)
class Sample:
    """Events of one detector, and the files that they go through.

    Attributes:
        detector: geometry.
        simulate, convert: settings.
        folder: raw.h5 and shard.h5 lie in it.
    """

    detector: Detector
    simulate: SimulateConfig
    convert: ConvertConfig
    folder: Path

    @property
    def raw(self) -> Path:
        """What is simulated."""
        return self.folder / "raw.h5"

    @property
    def shard(self) -> Path:
        """What is made of it."""
        return self.folder / "shard.h5"


def make_samples(folder: Path, *, num_events: int) -> dict[str, Sample]:
    """A sample a detector: SBND as in the demo, a box of voxels and NOvA's views as in the experiments, no cosmics."""
    quiet = SimulateConfig(events_per_file=num_events, cosmic_rate_khz=0.0)
    nova = {"electrons_per_adc": 4000.0, "noise_adc": (2.0, 2.0), "threshold_adc": 10.0, "label_threshold_mev": 0.5}
    settings = {
        "sbnd": (SimulateConfig(events_per_file=num_events), ConvertConfig()),
        "cube": (quiet, ConvertConfig.model_validate({"response": {"noise_adc": (1.0,)}, "downsample": 2})),
        "nova": (quiet, ConvertConfig.model_validate({"response": nova, "downsample": 1, "min_sites": 1})),
    }
    return {name: Sample(get_detector(name), *each, folder / name) for name, each in settings.items()}


def simulate(sample: Sample) -> None:
    """From the seed to the raw file."""
    simulate_file(sample.raw, settings=sample.simulate, detector=sample.detector, seed=SEED, file=0)


def convert(sample: Sample, **changed: int) -> None:
    """From the raw file to the shard; `changed` settings of the conversion."""
    settings = sample.convert.model_copy(update=changed)
    convert_file(sample.raw, sample.shard, settings=settings, detector=sample.detector, run=0)


def whole_way(sample: Sample) -> None:
    """From the seed to the shard."""
    simulate(sample)
    convert(sample)


def simulate_only(sample: Sample) -> None:
    """The tables of every event, which go nowhere."""
    for event in range(sample.simulate.events_per_file):
        simulate_event(event, settings=sample.simulate, detector=sample.detector, seed=SEED, file=0)


def convert_only(sample: Sample) -> Callable[[], None]:
    """Response, noise, labels and down-sampling of every event, read before; the images go nowhere."""
    source = open_source(sample.convert.adapter, sample.raw)
    events = [source.event(entry) for entry in range(len(source))]
    provides = source.provides
    source.close()

    def work() -> None:
        for event in events:
            convert_event(event, provides, sample.convert, sample.detector, run=0)

    return work


def noise_ways(sample: Sample) -> Ways:
    """The noise of the images of as many events: only what passes the threshold is drawn, or every site."""
    response, detector = sample.convert.response, sample.detector
    blocks = [
        (block, shape) for shape, each in zip(detector.shapes, detector.blocks, strict=True) for block in each
    ] * sample.simulate.events_per_file

    def sparse() -> None:
        rng = np.random.default_rng(SEED)
        for block, shape in blocks:
            sigma = response.noise_adc[block.plane]
            axis = detector.drift_axis
            noise_sites(rng, block, shape, axis=axis, sigma_adc=sigma, threshold_adc=response.threshold_adc)

    def dense() -> None:
        rng = np.random.default_rng(SEED)
        for block, _ in blocks:
            drawn = rng.standard_normal(block.num_sites, np.float32)
            np.flatnonzero(drawn >= response.threshold_adc / response.noise_adc[block.plane])

    return {"sparse": sparse, "dense": dense}


def storage_ways(sample: Sample) -> tuple[Ways, Mapping[str, Path]]:
    """Writing and reading back the segments of a raw file, stored in each of the ways; and the files."""
    segments = read_edepsim(sample.raw).segments
    paths = {name: sample.folder / f"{number}.h5" for number, name in enumerate(STORED)}

    def written(name: str) -> None:
        with h5py.File(paths[name], "w") as file:
            file.create_dataset("segments", data=segments, chunks=(CHUNK_ROWS,), maxshape=(None,), **STORED[name])
        with h5py.File(paths[name]) as file:
            file["segments"][:]

    return {name: lambda name=name: written(name) for name in STORED}, paths
