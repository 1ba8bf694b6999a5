"""The ranks meet: a store of keys that all can reach, and an agreement that they fit together before any work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta

from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from nuweave.config.train import TrainConfig
from nuweave.ranks import Place
from nuweave.train.errors import TrainError
from nuweave.train.fit import misfit
from nuweave.train.launch import launch_environment
from nuweave.train.placement import RankFacts, report, threads_of


def meet(place: Place, timeout: timedelta) -> tuple[Store, int]:
    """Wait for all ranks.

    Returns:
        a store that they share, kept by rank 0 or by torchrun; their number.
    Raises:
        TrainError: the launcher does not say enough, or not all came in time.
    """
    world_size = launch_environment(place)
    try:
        store = next(rendezvous("env://", place.rank, world_size, timeout=timeout))[0]
    except DistError as error:
        address, seconds = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}", timeout.total_seconds()
        raise TrainError(
            f"{world_size} ranks did not meet at {address} within {seconds:.0f} s "
            f"({str(error).splitlines()[0]}); look at the nodes of this job, or set MASTER_ADDR and MASTER_PORT"
        ) from error
    return store, world_size


def agree(
    store: Store,
    own: RankFacts,
    world_size: int,
    *,
    settings: TrainConfig,
    launcher: str,
    tell: Callable[[str], None],
) -> int:
    """Compare what all ranks know of themselves; rank 0 judges and tells.

    Returns:
        threads for this rank.
    Raises:
        TrainError: something does not fit, on every rank alike.
    """
    store.set(f"facts/{own.rank}", json.dumps(own))
    if own.rank == 0:
        facts = [_read(text) for text in store.multi_get([f"facts/{rank}" for rank in range(world_size)])]
        fault = misfit(facts, settings, launcher)
        for line in [] if fault else report(facts):
            tell(line)
        for rank, threads in enumerate(threads_of(facts)):
            store.set(f"verdict/{rank}", json.dumps([fault, threads]))
    fault, threads = json.loads(store.get(f"verdict/{own.rank}"))
    if fault:
        raise TrainError(fault)
    return int(threads)


def _read(text: bytes) -> RankFacts:
    facts = RankFacts(*json.loads(text))
    return facts._replace(cpus=tuple(facts.cpus))
