"""`nuweave bench model`: our networks against plain torch, and active sites against whole images.

The sides of a ratio run in turn within each repetition, so that what disturbs the machine disturbs both; each
comparison in a process of its own, as a training is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from nuweave.bench.io_files import simulate_source
from nuweave.bench.model_events import fresh, halved, occupancy, plane_of, read_events
from nuweave.bench.model_gpu import Rate, training_rates
from nuweave.bench.model_memory import STEPS, Peak, training_peak
from nuweave.bench.model_rows import Measured, make_rows
from nuweave.bench.model_ways import LAYOUTS, SIDES, Ways, dense_ways, layer_ways, layout_ways
from nuweave.bench.record import Record, make_record
from nuweave.bench.stopwatch import Timing, apart, in_turn
from nuweave.config import UserError
from nuweave.sparse import SparseTensor

SEED = 1
LAYER_SITES = 23_000  # of an image of SBND
LAYER_REPEATS = 8  # a round of the layers takes a tenth of a second, so there are as many times more of them
BYTES_PER_SITE = 1400  # of whole images, while plain torch is trained, and some to spare
PACKAGES = ("numpy", "torch")
Times = dict[str, list[Timing]]  # way -> its times


def run_model(*, source: Path | None, repeats: int, num_threads: int, command: str) -> Record:
    """Measure on the first event of a file; on a GPU on all of them.

    Args:
        source: larcv3 file of events; None to simulate them.
        repeats: rounds of each comparison.
        num_threads: of torch.
        command: that repeats this run.
    Raises:
        UserError: more threads than processors, too little memory, or the source cannot be used.
    """
    load = os.getloadavg()[0]
    num_cores = len(os.sched_getaffinity(0))
    if num_threads > num_cores:
        raise UserError(f"--threads {num_threads}: this machine has {num_cores} processors; give {num_cores} or fewer")
    with tempfile.TemporaryDirectory(prefix="nuweave-bench-") as folder:
        events = read_events(source or simulate_source(Path(folder), seed=SEED))
    event = events[0]
    _require_memory(event)
    timings = measure_times(event, repeats=repeats, num_threads=num_threads)
    peaks = measure_memory(event, num_threads=num_threads)
    rates = measure_rates(events, repeats=repeats) if torch.cuda.is_available() else None
    origin = "simulated SBND event" if source is None else f"first event of {source.name}"
    return make_record(
        command,
        make_rows(Measured(timings, peaks, rates), has_bfloat16=multiplies_bfloat16()),
        {
            "source": origin,
            "sites": len(event.key_N),
            "shape": event.shape,
            "threads": num_threads,
            "repeats": repeats,
            "load_before": load,
            "gpu": torch.cuda.get_device_name() if rates else None,
            "seconds": {name: [timing.wall_s for timing in times] for name, times in timings.items()},
            "memory": {side: peak._asdict() for side, peak in peaks.items()},
            "rates": rates and {layout: [rate._asdict() for rate in found] for layout, found in rates.items()},
        },
        packages=PACKAGES,
        notes=_notes(event, origin, num_threads, load),
    )


def measure_times(event: SparseTensor, *, repeats: int, num_threads: int) -> Times:
    """Way -> its times. Plain torch and ours at half the resolution, the size that the reference is measured at."""
    plane = plane_of(event, num_sites=LAYER_SITES)
    times = apart(_times, dense_ways, halved(event), repeats, num_threads)
    times |= apart(_times, layout_ways, fresh(event), repeats, num_threads)
    times |= apart(_times, layer_ways, fresh(plane), LAYER_REPEATS * repeats, num_threads)
    one_thread = apart(_times, layer_ways, fresh(plane), LAYER_REPEATS * repeats, 1)
    return times | {f"{name}_1": found for name, found in one_thread.items()}


def _times(make: Callable[[SparseTensor], Ways], x: SparseTensor, repeats: int, num_threads: int) -> Times:
    torch.set_num_threads(num_threads)
    return in_turn(make(x), repeats=repeats)


def measure_memory(event: SparseTensor, *, num_threads: int) -> dict[str, Peak]:
    """Side -> peak of training; with `_given_back` the allocator keeps nothing that is freed."""
    peaks = {str(side): training_peak(event, side, num_threads=num_threads) for side in SIDES}
    for side in LAYOUTS:
        peaks[f"{side}_given_back"] = training_peak(event, side, num_threads=num_threads, give_back=True)
    return peaks


def measure_rates(events: Sequence[SparseTensor], *, repeats: int) -> Mapping[str, list[Rate]]:
    """Layout -> rates of training on the GPU."""
    device = torch.device("cuda")
    return {layout: training_rates(events, layout, device=device, repeats=repeats) for layout in LAYOUTS}


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products in bfloat16."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(Path("/proc/cpuinfo").read_text().split())


def _require_memory(event: SparseTensor) -> None:
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    needed = round(BYTES_PER_SITE * len(event.key_N) / occupancy(event))
    if available < needed:
        raise UserError(
            f"bench model: dense networks need {needed / 1e9:.1f} GB of memory for these images, "
            f"{available / 1e9:.1f} GB are free; free some, or give smaller images with --source"
        )


def _notes(event: SparseTensor, origin: str, num_threads: int, load: float) -> list[str]:
    planes = ", ".join(f"{num:,}" for num in event.images().count_I.tolist())
    half, plane = halved(event), plane_of(event, num_sites=LAYER_SITES)
    full_size, half_size = (" x ".join(map(str, (x.num_images, *x.shape))) for x in (event, half))
    return [
        f"CosmicTagger's A21 network, batch 1, {num_threads} threads, float32 unless said; load before: {load:.2f}.",
        f"Full size: {origin}, {full_size}, {planes} sites ({occupancy(event):.2%}); plain torch: {half_size}, "
        f"{len(half.key_N):,} sites; layers: 16 channels, 3 x 3, {len(plane.key_N):,} sites of one plane.",
        f"Memory: growth of a process of its own over {STEPS} steps of AdamW, the code loaded before.",
    ]
