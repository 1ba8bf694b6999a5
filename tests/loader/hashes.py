"""Hashes of what a stream gave, and a program that streams until it is killed.

python -m tests.loader.hashes FILE LOG: appends a JSON line a batch, with its hash and the state after it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nuweave.config.train import AugmentConfig, LoaderConfig
from nuweave.loader import EventDataset, SparseBatch, TrainingStream, make_sampler

GLOBAL_BATCH = 6
AUGMENT = AugmentConfig(flip=True, max_shift=(2, 3), scale=0.1)
SETTINGS = LoaderConfig(block_events=4, window_blocks=2, threads=2)


def event_hashes(batch: SparseBatch) -> list[str]:
    """SHA-256 of everything that a batch says of each event, wherever in a batch it stands."""
    hashes = []
    for b in range(batch.num_events):
        here = batch.events_N == b
        tensors = [batch.sites_N[here], batch.planes_N[here], batch.values_N[here], batch.event_ids_B3[b]]
        tensors += [classes_B[b] for classes_B in batch.truth.values()]
        tensors += [] if batch.labels_N is None else [batch.labels_N[here]]
        tensors += [] if batch.vertex_BP is None else [batch.vertex_BP[b]]
        hashes.append(hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest())
    return hashes


def global_hash(shares: Sequence[SparseBatch]) -> str:
    """SHA-256 of a global batch, from the shares of all ranks in order."""
    by_rank = [event_hashes(share) for share in shares]
    num, world = sum(map(len, by_rank)), len(by_rank)
    return hashlib.sha256("".join(by_rank[i % world][i // world] for i in range(num)).encode()).hexdigest()


def open_streams(path: Path, *, world: int = 1, state: Mapping[str, Any] | None = None) -> list[TrainingStream]:
    """A stream for every rank."""
    dataset = EventDataset(path)
    sampler = make_sampler(dataset, SETTINGS, seed=3, global_batch=GLOBAL_BATCH)
    return [
        TrainingStream(dataset, sampler, rank=rank, world=world, state=state, augment=AUGMENT, settings=SETTINGS)
        for rank in range(world)
    ]


def main(path: Path, log: Path) -> None:
    """Stream on one rank for ever."""
    (stream,) = open_streams(path)
    with log.open("a") as out:
        for batch in stream:
            out.write(json.dumps({"hash": global_hash([batch]), "state": stream.state_dict()}) + "\n")
            out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
