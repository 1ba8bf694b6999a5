"""How long a step takes on many ranks: compute, the sum of gradients, the slowest rank, reading.

Shapes: E events, D draws, B events of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 4096  # of batches, for how much they differ


@dataclass(frozen=True)
class Link:
    """A way for bytes, in one direction.

    Attributes:
        bytes_per_s: of a GPU, or of a node.
        latency_s: of a message.
    """

    bytes_per_s: float
    latency_s: float


@dataclass(frozen=True)
class Cluster:
    """Nodes of several GPUs.

    Attributes:
        gpus_per_node: GPUs.
        inside: from a GPU to the next one of its node.
        between: from a node to the next one, over all its network cards.
        read_bytes_per_s: of the file system, for all nodes.
    """

    gpus_per_node: int
    inside: Link
    between: Link
    read_bytes_per_s: float


@dataclass(frozen=True)
class Training:
    """What a rank does in a step.

    Attributes:
        compute_s: forward, backward and optimiser on a batch of usual size.
        gradient_bytes: that are summed over ranks.
        batch: events.
        event_bytes: that are read of an event.
        sizes: what events cost, in any unit; the same for all where a network works on whole images.
    """

    compute_s: float
    gradient_bytes: int
    batch: int = 1
    event_bytes: int = 0
    sizes: Sequence[float] = (1.0,)


# 4 A100 with NVLink 3: 600 GB/s a GPU, half of it in each direction (NVIDIA, A100 datasheet); two Slingshot 11 cards of
# 200 Gbit/s a node (ALCF, Polaris system overview); 650 GB/s of its file system Eagle; latencies are assumed.
POLARIS = Cluster(4, inside=Link(300e9, 5e-6), between=Link(2 * 25e9, 10e-6), read_bytes_per_s=650e9)
# Images a second of CosmicTagger under torch DDP on Polaris, October 2022, by GPUs; configuration and batch are not
# recorded, the steps fit one image a GPU (its notebook "Scaling Plots").
PUBLISHED_RATES: Mapping[int, float] = {
    4: 13.42,
    8: 26.44,
    16: 52.77,
    32: 101.72,
    64: 207.98,
    128: 350.69,
    256: 685.24,
    512: 1267.2,
    1024: 1965.3,
}
DEFAULT_GRADIENT_BYTES = 4 * 18_382_131  # float32, of its default network, the largest
FILE_EVENT_BYTES = 824_000  # of a packed file at full size, docs/loader.md


def ring_s(num: int, num_bytes: float, link: Link) -> float:
    """Seconds of a sum over a ring: 2 (n - 1) messages of an n-th of the bytes.

    Source: Patarasuk, Yuan, J. Parallel Distrib. Comput. 69 (2009) 117.
    """
    return 2 * (num - 1) * (num_bytes / num / link.bytes_per_s + link.latency_s)


def exchange_s(num_gpus: int, num_bytes: float, cluster: Cluster) -> float:
    """Seconds of a sum over all GPUs: a ring inside each node, then one over the nodes, with all their cards."""
    inside = min(num_gpus, cluster.gpus_per_node)
    num_nodes = -(-num_gpus // cluster.gpus_per_node)
    return ring_s(inside, num_bytes, cluster.inside) + ring_s(num_nodes, num_bytes, cluster.between)


def fitted_link(seconds: Mapping[int, float], num: int) -> Link:
    """The link over which rings of `num` ranks would take these times, relative errors least.

    Args:
        seconds: bytes -> time of a sum; two sizes or more.
        num: ranks.
    """
    sizes, times = np.array(list(seconds)), np.array(list(seconds.values()))
    slope, offset = np.polyfit(sizes, times, 1, w=1 / times)
    messages = 2 * (num - 1)
    return Link(bytes_per_s=messages / num / float(slope), latency_s=max(0.0, float(offset)) / messages)


def slowest(sizes: ArrayLike, num: int) -> float:
    """The expected largest of `num` draws over the mean; never more than the largest size there is."""
    ordered_E = np.sort(np.asarray(sizes, np.float64))
    quantile_E = np.arange(len(ordered_E) + 1) / len(ordered_E)
    return float(np.diff(quantile_E**num) @ ordered_E / ordered_E.mean())


def batch_sizes(sizes: ArrayLike, batch: int, *, seed: int = 0) -> NDArray[np.float64]:
    """What batches of some events cost, [D], drawn at random."""
    events_E = np.asarray(sizes, np.float64)
    drawn_DB = np.random.default_rng(seed).integers(0, len(events_E), (DRAWS, batch))
    costs_D: NDArray[np.float64] = events_E[drawn_DB].sum(axis=1)
    return costs_D


def step_s(training: Training, num_gpus: int, cluster: Cluster) -> float:
    """Seconds of a step: the slowest rank computes, then all exchange; what is read ahead counts where it is slower."""
    cost = batch_sizes(training.sizes, training.batch) if len(set(training.sizes)) > 1 else [1.0]
    busy = training.compute_s * slowest(cost, num_gpus) + exchange_s(num_gpus, training.gradient_bytes, cluster)
    read = num_gpus * training.batch * training.event_bytes / cluster.read_bytes_per_s
    return max(busy, read)


def polaris_table() -> str:
    """The published rates beside what the model makes of the first of them, Markdown."""
    first = min(PUBLISHED_RATES)
    exchange = exchange_s(first, DEFAULT_GRADIENT_BYTES, POLARIS)
    compute = first / PUBLISHED_RATES[first] - exchange
    training = Training(compute, DEFAULT_GRADIENT_BYTES, event_bytes=FILE_EVENT_BYTES)
    lines = ["| GPUs | published [img/s] | of ideal | model [img/s] | of ideal |", "|---|---|---|---|---|"]
    for num, published in PUBLISHED_RATES.items():
        ideal = PUBLISHED_RATES[first] * num / first
        model = num / step_s(training, num, POLARIS)
        lines.append(f"| {num} | {published:,.1f} | {published / ideal:.1%} | {model:,.1f} | {model / ideal:.1%} |")
    return "\n".join(lines) + "\n"
