"""Adapters: one a format. Each turns a file into the same event records."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from nuweave.config import ConfigError
from nuweave.convert.sources.source import Source
from nuweave.store import StoreError

__all__ = ["ADAPTERS", "Source", "find_adapter", "get_adapter", "open_source"]

# module and class of each adapter; imported on first use, as some need libraries that take long to load
ADAPTERS = {
    "edepsim_h5": "edepsim_h5:EdepSimH5",
    "edepsim_root": "edepsim_root:EdepSimRoot",
    "larcv3": "larcv3:Larcv3",
    "larcv2_root": "larcv2_root:Larcv2Root",
    "dlp_h5": "dlp_h5:DlpH5",
    "jaxtpc": "jaxtpc:Jaxtpc",
    "nexus_h5": "nexus_h5:NexusH5",
    "pilarnet": "pilarnet:Pilarnet",
    "uboone": "uboone:Uboone",
}


def get_adapter(name: str) -> type[Source]:
    """The adapter of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in ADAPTERS:
        raise ConfigError(f"convert.adapter={name!r} is not known; try one of {', '.join(ADAPTERS)}")
    module, _, kind = ADAPTERS[name].partition(":")
    adapter: type[Source] = getattr(import_module(f"{__name__}.{module}"), kind)
    return adapter


def find_adapter(path: Path) -> str | None:
    """Name of the adapter whose format a file has; None where no adapter knows it.

    Raises:
        StoreError: there is no such file.
    """
    return next((name for name in ADAPTERS if get_adapter(name).probe(path)), None)


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
    kind = get_adapter(adapter)
    try:
        return kind(path, volume=volume)
    except StoreError:
        other = None if kind.probe(path) else find_adapter(path)
        if other is None:
            raise
        raise StoreError(f"{path}: is not in the format of {adapter}; set convert.adapter: {other}") from None
