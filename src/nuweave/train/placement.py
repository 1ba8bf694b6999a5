"""Where the ranks run: what each knows of itself, the threads that it may use, and a report for the user."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import torch

import nuweave
from nuweave.config.train import TrainConfig
from nuweave.train.export import package_commit

HOSTS_SHOWN = 4  # of nodes that look alike
MASKS = ("CUDA_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


class RankFacts(NamedTuple):
    """What a rank knows of itself.

    Attributes:
        host: name of the node.
        device: as cuda:0, or cpu.
        device_name: of the maker; "" for a CPU.
        device_key: the same for two ranks of a host that share a device; "" for a CPU.
        visible: what its launcher lets it see of the node's devices, as CUDA_VISIBLE_DEVICES=0,1; "" where unset.
        cpus: that this process may use, ascending.
        omp_threads: OMP_NUM_THREADS, if set.
        software: versions; the same for all ranks of a sound start.
        commit: of the package; only the first rank of a node looks, the others have "".
        settings: hash of the settings of the training.
    """

    rank: int
    host: str
    process: int
    device: str
    device_name: str
    device_key: str
    visible: str
    cpus: tuple[int, ...]
    omp_threads: int | None
    software: str
    commit: str
    settings: str


def own_facts(rank: int, device: torch.device, settings: TrainConfig, *, is_first_of_node: bool) -> RankFacts:
    """The facts of this process."""
    omp_threads = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    name, key = _describe_device(device)
    return RankFacts(
        rank=rank,
        host=node_name(),
        process=os.getpid(),
        device=str(device),
        device_name=name,
        device_key=key,
        visible=", ".join(f"{mask}={os.environ[mask]}" for mask in MASKS if mask in os.environ),
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        omp_threads=int(omp_threads) if omp_threads.isdigit() else None,
        software=f"torch {torch.__version__}, nuweave {nuweave.__version__}",
        commit=package_commit() if is_first_of_node else "",
        settings=hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16],
    )


def node_name(environment: Mapping[str, str] = os.environ) -> str:
    """Of the node that runs this process; Slurm's own name for it tells apart several that share one host."""
    return environment.get("SLURMD_NODENAME") or socket.gethostname()


def threads_of(facts: Sequence[RankFacts]) -> list[int]:
    """Threads of each rank: OMP_NUM_THREADS, or its CPUs divided by the ranks of its node that may use them too."""
    by_host = _by_host(facts)
    return [one.omp_threads or max(1, len(one.cpus) // _num_sharing(one, by_host[one.host])) for one in facts]


def report(facts: Sequence[RankFacts]) -> list[str]:
    """A line for each node, or for several that look alike: hosts, ranks, device, CPUs and threads of each, mask."""
    by_host = _by_host(facts)
    threads = dict(zip((one.rank for one in facts), threads_of(facts), strict=True))
    alike: dict[str, list[str]] = {}
    for host, ranks in by_host.items():
        places = (
            f"{one.device} on CPU{'s' * (len(one.cpus) > 1)} {as_ranges(one.cpus)}, "
            f"{threads[one.rank]} thread{'s' * (threads[one.rank] > 1)}"
            for one in ranks
        )
        names = ", ".join(sorted({one.device_name for one in ranks if one.device_name}))
        masks = " / ".join(dict.fromkeys(one.visible for one in ranks if one.visible))
        look = f"{names + ': ' if names else ''}{_counted(places)}{'; ' + masks if masks else ''}"
        alike.setdefault(look, []).append(host)
    return [
        f"{len(hosts)} node{'s' * (len(hosts) > 1)} ({_some(hosts)}), "
        f"{ranks_in_words([one.rank for host in hosts for one in by_host[host]])}: {look}"
        for look, hosts in alike.items()
    ]


def as_ranges(numbers: Iterable[int]) -> str:
    """0, 1, 2, 5 as 0-2,5."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    parts = []
    for _, run in runs:
        members = [number for _, number in run]
        parts.append(f"{members[0]}-{members[-1]}" if len(members) > 1 else str(members[0]))
    return ",".join(parts)


def ranks_in_words(numbers: Sequence[int]) -> str:
    """As "rank 3" or "ranks 0-2,5"."""
    return f"rank{'s' * (len(numbers) > 1)} {as_ranges(numbers)}"


def _by_host(facts: Sequence[RankFacts]) -> dict[str, list[RankFacts]]:
    by_host: dict[str, list[RankFacts]] = {}
    for one in facts:
        by_host.setdefault(one.host, []).append(one)
    return by_host


def _num_sharing(one: RankFacts, neighbours: Sequence[RankFacts]) -> int:
    """Ranks of a node, this one included, that may run on a CPU of this one."""
    return sum(not set(one.cpus).isdisjoint(other.cpus) for other in neighbours)


def _describe_device(device: torch.device) -> tuple[str, str]:
    """Name, and what tells it from the other devices of the host."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return properties.name, str(properties.uuid)
    if device.type == "xpu":  # the tiles of a card may state one uuid: what is visible and the index tell them apart
        return torch.xpu.get_device_name(device), f"{os.environ.get('ZE_AFFINITY_MASK', '')}/{device.index}"
    return "", ""


def _counted(places: Iterable[str]) -> str:
    """Neighbours with the same words as one, with their number in front."""
    runs = ((place, len(list(run))) for place, run in groupby(places))
    return "; ".join(f"{number} x {place}" if number > 1 else place for place, number in runs)


def _some(hosts: Sequence[str]) -> str:
    """All hosts, or the first and the last of many."""
    return ", ".join(hosts) if len(hosts) <= HOSTS_SHOWN else f"{', '.join(hosts[: HOSTS_SHOWN - 2])} .. {hosts[-1]}"
