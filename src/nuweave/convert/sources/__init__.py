"""Adapters: one a format. Each turns a file into the same event records."""

from __future__ import annotations

from pathlib import Path

from nuweave.config import ConfigError
from nuweave.convert.sources.edepsim_h5 import EdepSimH5
from nuweave.convert.sources.larcv3 import Larcv3
from nuweave.convert.sources.source import Source
from nuweave.store import StoreError

__all__ = ["ADAPTERS", "Source", "open_source"]

ADAPTERS: dict[str, type[Source]] = {"edepsim_h5": EdepSimH5, "larcv3": Larcv3}


def open_source(adapter: str, path: Path, *, volume: str | None = None) -> Source:
    """Open a file with the adapter of that name.

    Args:
        adapter: key of ADAPTERS.
        path: the file.
        volume: the sensitive detector to read, where the file has several.

    Raises:
        ConfigError: there is no such adapter.
        StoreError: the file cannot be used; the message names the adapter that can read it, if one can.
    """
    if adapter not in ADAPTERS:
        raise ConfigError(f"convert.adapter={adapter!r} is not known; try one of {', '.join(ADAPTERS)}")
    try:
        return ADAPTERS[adapter](path, volume=volume)
    except StoreError:
        other = next((name for name, kind in ADAPTERS.items() if name != adapter and kind.probe(path)), None)
        if other is None:
            raise
        raise StoreError(f"{path}: is not in the format of {adapter}; set convert.adapter: {other}") from None
