"""What an adapter must offer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nuweave.convert.event import Event, Provides


class Source(Protocol):
    """A file of simulated events, opened by its adapter.

    Attributes:
        provides: the truth that this file knows.
        generator: name of the program that made the events, where the file states it.
        generator_seed: its seed, where the file states it.
    """

    provides: Provides
    generator: str | None
    generator_seed: str | None

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            StoreError: the file cannot be used.
        """
        ...

    @staticmethod
    def probe(path: Path) -> bool:
        """Whether the file looks like this adapter's format; the content is not read. StoreError if it is not HDF5."""
        ...

    def __len__(self) -> int: ...

    def event(self, entry: int) -> Event:
        """The event at a position in the file."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...
