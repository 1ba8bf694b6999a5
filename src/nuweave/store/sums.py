"""Checksums beside a compact file: SHA-256 of its tables, and of each block of events.

A flipped bit is found when its block is first read. A block is a run of whole events of about a mebibyte, so that a
rank hashes little more than what it reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuweave.store.files import UNREADABLE, DamagedEventError, Fault, StoreError, one_line, write_aside
from nuweave.store.index import FileIndex

SUMS_VERSION = 1
BLOCK_BYTES = 2**20
RENEW = "write or copy the file again; if it was changed on purpose, remove its checksums"


@dataclass(frozen=True)
class Checksums:
    """What a file must contain.

    Attributes:
        size: bytes of the file.
        digest: of its index.
        blocks: int64[blocks + 1], first event of each block, and the number of events.
        sums: product -> SHA-256 of the column's rows of each block.
    """

    size: int
    digest: str
    blocks: NDArray[np.int64]
    sums: Mapping[str, Sequence[str]]


def sums_path(path: Path) -> Path:
    """Where the checksums of a file are kept."""
    return path.with_name(f"{path.name}.sums.json")


def block_events(index: FileIndex) -> NDArray[np.int64]:
    """Cut the events of a file into blocks of about BLOCK_BYTES; int64[blocks + 1]."""
    num = len(index.event_ids)
    ends = sum(
        (product.event_rows[1:] * product.layout.dtype.itemsize for product in index.products.values()),
        np.zeros(num, np.int64),
    )
    cuts = np.flatnonzero(np.diff(ends // BLOCK_BYTES, prepend=0)) + 1
    return np.unique(np.concatenate([[0], cuts[cuts < num], [num]])).astype(np.int64)


def make_sums(index: FileIndex, read_rows: Callable[[str, int, int], NDArray[Any]]) -> Checksums:
    """Hash a whole file.

    Args:
        index: of the file.
        read_rows: gives rows low to high of a product's column.
    """
    blocks = block_events(index)
    sums = {}
    for name, product in index.products.items():
        edges = product.event_rows[blocks]
        sums[name] = [hash_rows(read_rows(name, int(low), int(high))) for low, high in pairwise(edges)]
    return Checksums(index.state.size, index.digest, blocks, sums)


def hash_rows(rows: NDArray[Any]) -> str:
    """SHA-256 of rows as they lie in memory."""
    return hashlib.sha256(np.ascontiguousarray(rows).view(np.uint8).data).hexdigest()


def write_sums(path: Path, sums: Checksums) -> None:
    """Keep the checksums of the file `path` beside it."""
    text = {
        "version": SUMS_VERSION,
        "size": sums.size,
        "digest": sums.digest,
        "blocks": sums.blocks.tolist(),
        "sums": dict(sums.sums),
    }
    with write_aside(sums_path(path)) as aside:
        aside.write_text(json.dumps(text, indent=0))


def read_sums(index: FileIndex) -> Checksums | None:
    """The checksums of a file; None where it has none.

    Raises:
        StoreError: they cannot be read, or are of another file.
    """
    path = sums_path(index.path)
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
        sums = Checksums(found["size"], found["digest"], np.array(found["blocks"], np.int64), dict(found["sums"]))
        is_known = found["version"] == SUMS_VERSION
        edges = sums.blocks.tolist()
        is_whole = edges == sorted({0, *edges, len(index.event_ids)})
        is_whole &= all(len(blocks) == len(edges) - 1 for blocks in sums.sums.values())
    except UNREADABLE as error:
        raise StoreError(f"{path}: is not a list of checksums ({one_line(error)}); {RENEW}") from None
    if not is_known:
        raise StoreError(f"{path}: was written by another version of nuweave; repack the file")
    if (sums.size, sums.digest) != (index.state.size, index.digest) or set(sums.sums) != set(index.products):
        raise StoreError(
            f"{index.path}: is not the file that {path.name} was made for, or its tables are damaged; {RENEW}"
        )
    if not is_whole:
        raise StoreError(f"{path}: its blocks are not all events, each once; {RENEW}")
    return sums


class Verifier:
    """Hashes each block of a file once, when an event of it is first asked for.

    Args:
        index: of the file.
        sums: what it must contain.
        read_rows: gives rows low to high of a product's column.
    """

    def __init__(self, index: FileIndex, sums: Checksums, read_rows: Callable[[str, int, int], NDArray[Any]]) -> None:
        self._index, self._sums, self._read_rows = index, sums, read_rows
        self._block_of = np.repeat(np.arange(len(sums.blocks) - 1), np.diff(sums.blocks))
        self._verified = {name: np.zeros(len(sums.blocks) - 1, bool) for name in sums.sums}

    def require(self, product: str, event: int) -> None:
        """Make sure of an event's rows.

        Raises:
            DamagedEventError: the block that the event lies in is not what was written.
        """
        block = self._block_of[event]
        if self._verified[product][block]:
            return
        first, end = (int(event) for event in self._sums.blocks[block : block + 2])
        low, high = (int(row) for row in self._index.products[product].event_rows[[first, end]])
        if hash_rows(self._read_rows(product, low, high)) != self._sums.sums[product][block]:
            what = f"the checksum of events {first} to {end - 1} is wrong"
            raise DamagedEventError(Fault(self._index.path, what, RENEW, product, event))
        self._verified[product][block] = True

    def require_rows(self, product: str, low: int, high: int) -> None:
        """Make sure of rows low to high; errors as `require`, of the first event that is damaged."""
        event_rows = self._index.products[product].event_rows
        last = int(np.searchsorted(event_rows, high, side="left"))
        for event in range(int(np.searchsorted(event_rows, low, side="right")) - 1, last):
            self.require(product, event)
