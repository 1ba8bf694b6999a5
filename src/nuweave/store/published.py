"""Published files: what is there must have their size and their checksum; a receipt remembers that it has.

A receipt lies with the results, not beside the file: data are often shared, and not ours to write to.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from nuweave.config.dataset import DatasetConfig, DatasetFile
from nuweave.store.files import StoreError, file_state, one_line, write_aside

MOVE = "move it away, and stage again"


def receipt_path(root: Path, name: str) -> Path:
    """Where a run keeps the receipt of a file.

    Args:
        root: of the run.
        name: of the file in the dataset.
    """
    return root / "staged" / f"{Path(name).stem}.json"


def require_size(path: Path, published: DatasetFile) -> None:
    """Refuse a file of another size.

    Raises:
        StoreError: it has another size, or is not there.
    """
    if (size := file_state(path).size) != published.bytes:
        raise StoreError(f"{path}: has {size} bytes, the published file has {published.bytes}; {MOVE}")


def require_published(path: Path, published: DatasetFile) -> None:
    """Refuse a file that is not the published one: reads all of it where a checksum is known.

    Raises:
        StoreError: size or checksum differ, or the file cannot be read.
    """
    require_size(path, published)
    if published.checksum is None:
        return
    algorithm, expected = published.checksum
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check the disk and the permissions") from None
    if found != expected:
        raise StoreError(f"{path}: its {algorithm} is {found}, the published file has {expected}; {MOVE}")


def write_receipt(receipt: Path, path: Path, published: DatasetFile, dataset: DatasetConfig) -> None:
    """Remember that a file was found right, with where it comes from.

    Raises:
        DiskError: the receipt cannot be written.
    """
    state = file_state(path)
    text = {
        "file": str(path),
        "title": dataset.title,
        "citation": dataset.citation,
        "published": published.model_dump(),
        "size": state.size,
        "mtime_ns": state.mtime_ns,
    }
    with write_aside(receipt) as aside:
        aside.write_text(json.dumps(text, indent=2) + "\n")


def has_receipt(receipt: Path, path: Path, published: DatasetFile) -> bool:
    """Whether a file was found right, as it lies there now and as it is published now.

    Raises:
        StoreError: the receipt is damaged.
    """
    if not receipt.is_file() or not path.is_file():
        return False
    state = file_state(path)
    try:
        found = json.loads(receipt.read_text())
        known = (found["published"], found["size"], found["mtime_ns"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise StoreError(f"{receipt}: is not a receipt ({one_line(error)}); remove it, and stage again") from None
    return known == (published.model_dump(), state.size, state.mtime_ns)
