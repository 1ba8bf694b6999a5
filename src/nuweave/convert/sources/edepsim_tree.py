"""The tree of an edep-sim ROOT file, an event at a time: plain leaves by uproot, other branches as raw bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import uproot

from nuweave.convert.sources.edepsim_bytes import STREAMERS
from nuweave.convert.sources.source import is_root
from nuweave.store import StoreError

TREE = "EDepSimEvents"
BLOCK_EVENTS = 32  # plain leaves are read for as many at a time
Read = TypeVar("Read")


class EdepSimTree:
    """An open file. Leaves have the names that they have below the branch Event."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            StoreError: it cannot be opened, has no tree of edep-sim, or another version of its classes.
        """
        if not has_tree(path):
            raise StoreError(
                f"{path}: is no whole ROOT file with the tree {TREE}; give a file of edep-sim, or copy it again"
            )
        self.path = path
        self._file = uproot.open(path)
        self._require_streamers()
        self._tree = self._file[TREE]
        self._blocks: dict[str, tuple[range, Any]] = {}
        self._baskets: dict[str, tuple[range, Any]] = {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return int(self._tree.num_entries)

    def whole(self, leaf: str) -> Any:
        """A plain leaf of all events."""
        try:
            return self._tree[f"Event/{leaf}"].array()
        except Exception as error:  # uproot raises as it pleases over a damaged file
            raise self.unreadable(leaf, None, error) from None

    def leaf(self, leaf: str, entry: int) -> Any:
        """A plain leaf of an event."""
        block, values = self._blocks.get(leaf, (range(0), None))
        if entry not in block:
            first = entry // BLOCK_EVENTS * BLOCK_EVENTS
            block = range(first, min(first + BLOCK_EVENTS, len(self)))
            try:
                values = self._tree[f"Event/{leaf}"].array(entry_start=block.start, entry_stop=block.stop)
            except Exception as error:  # as above
                raise self.unreadable(leaf, entry, error) from None
            self._blocks[leaf] = block, values
        return values[entry - block.start]

    def decode(self, branch: str, entry: int, read: Callable[[bytes], Read]) -> Read:
        """What a decoder reads from the bytes of a branch of an event."""
        block, basket = self._baskets.get(branch, (range(0), None))
        try:
            if entry not in block:
                block, basket = self._basket(branch, entry)
                self._baskets[branch] = block, basket
            first, end = basket.byte_offsets[entry - block.start : entry - block.start + 2]
            return read(bytes(basket.data[first:end]))
        except Exception as error:  # as above
            raise self.unreadable(branch, entry, error) from None

    def unreadable(self, branch: str, entry: int | None, reason: object) -> StoreError:
        """The error of a branch, and entry, that make no sense."""
        place = f"branch {branch}" if entry is None else f"branch {branch}, entry {entry}"
        return StoreError(
            f"{self.path}: {place}: cannot be read ({' '.join(str(reason).split())}); write or copy it again"
        )

    def _basket(self, branch: str, entry: int) -> tuple[range, Any]:
        """The entries of the basket that holds an entry, and the basket."""
        found = self._tree[f"Event/{branch}"]
        for number in range(found.num_baskets):
            first, end = found.basket_entry_start_stop(number)
            if first <= entry < end:
                return range(first, end), found.basket(number)
        raise LookupError("it is in no basket")

    def _require_streamers(self) -> None:
        """The raw bytes are known for one version of each class; the file describes those of which it has objects."""
        for name, version in STREAMERS.items():
            found = list(self._file.file.streamers.get(name, [version]))
            if found != [version]:
                self.close()
                raise StoreError(
                    f"{self.path}: has version {', '.join(map(str, found))} of {name}, nuweave reads {version}; "
                    "convert it to HDF5 with 2x2_sim's convert_edepsim_roottoh5.py and set convert.adapter: edepsim_h5"
                )


def has_tree(path: Path) -> bool:
    """Whether a file is a ROOT file with edep-sim's tree.

    Raises:
        StoreError: there is no such file.
    """
    if not is_root(path):
        return False
    try:
        with uproot.open(path) as found:
            return TREE in found.keys(cycle=False)
    except Exception:  # as above
        return False
