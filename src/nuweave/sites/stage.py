"""Files of a published dataset: what is right is left, what is missing is fetched, or named with its place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from nuweave.config import Config, ConfigError
from nuweave.config.dataset import DatasetConfig
from nuweave.sites import globus
from nuweave.sites.errors import SiteError
from nuweave.store.files import StoreError, write_aside
from nuweave.store.published import has_receipt, receipt_path, require_published, require_size, write_receipt

NUM_NAMED = 5  # files that a message names


def dataset_of(config: Config) -> tuple[DatasetConfig, Path]:
    """The dataset of a run and the directory of its files.

    Raises:
        ConfigError: it has none.
    """
    if config.dataset is None or config.data_dir is None:
        raise ConfigError(f"config: dataset: {config.name} has none, so nothing can be staged; see docs/data.md")
    return config.dataset, Path(config.data_dir)


def stage(config: Config, name: str) -> str:
    """Make sure of one file: fetch it if it is missing, check it, keep a receipt.

    Args:
        config: of the run.
        name: of the file in the dataset.
    Returns:
        what was done, in words.
    Raises:
        ConfigError: the dataset has no such file.
        StoreError: the file there is not the published one, or the disk does not take it.
        SiteError: it is missing and cannot be fetched.
    """
    dataset, data_dir = dataset_of(config)
    if name not in dataset.files:
        shown = ", ".join(list(dataset.files)[:NUM_NAMED])
        raise ConfigError(f"config: dataset.files: {dataset.title} has no file {name}; it has {shown}")
    path, published = data_dir / name, dataset.files[name]
    receipt = receipt_path(config.root, name)
    if has_receipt(receipt, path, published):
        return "is right, as found before"
    was_there = path.exists()
    if was_there:
        require_published(path, published)
    else:
        _fetch(dataset, path)
    write_receipt(receipt, path, published, dataset)
    return "is right" if was_there else "fetched, is right"


def require_possible(config: Config) -> None:
    """Refuse to start where staging would end in an error that is known now. Reads no file.

    Raises:
        StoreError: a file has another size, or was changed after it was found right.
        SiteError: a file is missing and cannot be fetched.
    """
    dataset, data_dir = dataset_of(config)
    missing = []
    for name, published in dataset.files.items():
        path, receipt = data_dir / name, receipt_path(config.root, name)
        if path.exists():
            require_size(path, published)
            if receipt.exists() and not has_receipt(receipt, path, published):
                raise StoreError(
                    f"{path}: was changed since it was found right; to have it checked again: rm {receipt}"
                )
        elif not receipt.exists():  # else it was used, and may be gone
            missing.append(name)
    if missing:
        _require_way(dataset, data_dir, missing)


def _fetch(dataset: DatasetConfig, path: Path) -> None:
    """Copy a file of the dataset to its place; it has its name only once it was found right."""
    published = dataset.files[path.name]
    with write_aside(path) as aside:
        here = _require_way(dataset, path.parent, [path.name])
        if (free := shutil.disk_usage(path.parent).free) < published.bytes:
            raise StoreError(f"{path}: needs {published.bytes} bytes, the disk has {free}; free space, and start again")
        try:
            globus.transfer(
                f"{dataset.globus_endpoint}:{PurePosixPath(dataset.path or '/') / path.name}",
                f"{here.endpoint}:{here.path_of(aside)}",
                f"nuweave {path.name}",
            )
        except SiteError as error:
            raise SiteError(f"{error}; start again, or {by_hand(dataset, path.parent, [path.name])}") from None
        try:
            require_published(aside, published)
        except StoreError as error:
            raise StoreError(f"{path}: came damaged and was removed; stage again ({error})") from None


def _require_way(dataset: DatasetConfig, data_dir: Path, names: list[str]) -> globus.Here:
    """The Globus collection of this machine.

    Raises:
        SiteError: these files cannot be fetched; the message says why, and which file to put where.
    """
    try:
        if dataset.globus_endpoint is None:
            raise SiteError("the dataset names no Globus collection")
        here = globus.here(os.environ)
        globus.require_login()
        here.path_of(data_dir)
    except SiteError as error:
        raise SiteError(
            f"{data_dir}: {len(names)} of the files of {dataset.title} missing: {error}; or "
            f"{by_hand(dataset, data_dir, names)}"
        ) from None
    return here


def by_hand(dataset: DatasetConfig, data_dir: Path, names: Iterable[str]) -> str:
    """Which files to put where, in one line."""
    listed = [_described(dataset, name) for name in names]
    more = f" and {len(listed) - NUM_NAMED} more of dataset.files" if len(listed) > NUM_NAMED else ""
    source = (
        f"from {dataset.citation}"
        if dataset.globus_endpoint is None
        else f"from Globus {dataset.globus_endpoint}:{dataset.path} ({dataset.citation})"
    )
    return f"put into {data_dir}, {source}: {', '.join(listed[:NUM_NAMED])}{more}"


def _described(dataset: DatasetConfig, name: str) -> str:
    """As `a.h5 (1024 bytes, sha256 ...)`."""
    published = dataset.files[name]
    checksum = f", {' '.join(published.checksum)}" if published.checksum else ""
    return f"{name} ({published.bytes} bytes{checksum})"
