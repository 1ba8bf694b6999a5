"""The events that `bench train` trains on: simulated ones of SBND, down-sampled, packed."""

from __future__ import annotations

from pathlib import Path

from nuweave.config.convert import ConvertConfig
from nuweave.config.simulate import SimulateConfig
from nuweave.convert import convert_file
from nuweave.physics.detectors import get_detector
from nuweave.simulate import simulate_file
from nuweave.store.repack import every_event, repack, shuffled

SEED = 1
DETECTOR = get_detector("sbnd")


def simulate(out: Path, *, num_events: int) -> None:
    """Write events with the settings of the demo, as a user's simulation would."""
    settings = SimulateConfig(events_per_file=num_events)
    simulate_file(out, settings=settings, detector=DETECTOR, seed=SEED, file=0)


def pack(raw: Path, out: Path, *, downsample: int) -> None:
    """Convert the events of a file and pack them; the shard stays beside."""
    shard = out.with_suffix(".shard.h5")
    convert_file(raw, shard, settings=ConvertConfig(downsample=downsample), detector=DETECTOR, run=0)
    repack([shard], shuffled(every_event([shard]), seed=SEED), out, layout="contiguous")
