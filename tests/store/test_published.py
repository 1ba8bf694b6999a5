"""A file is used only if it has the published size and checksum; that it has is remembered until the file changes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from nuweave.config.dataset import DatasetConfig, DatasetFile
from nuweave.store.files import StoreError
from nuweave.store.published import has_receipt, receipt_path, require_published, write_receipt

ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, of "abc"
ABC_MD5 = "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321, of "abc"


@pytest.fixture
def abc(tmp_path: Path) -> Path:
    """A file that holds `abc`."""
    path = tmp_path / "abc.h5"
    path.write_bytes(b"abc")
    return path


def test_size_and_checksum_must_be_those_of_the_publication(abc: Path) -> None:
    for published in (DatasetFile(bytes=3), DatasetFile(bytes=3, sha256=ABC_SHA256), DatasetFile(bytes=3, md5=ABC_MD5)):
        require_published(abc, published)
    with pytest.raises(StoreError, match=r"abc.h5: has 3 bytes, the published file has 4; move it away, and stage ag"):
        require_published(abc, DatasetFile(bytes=4, sha256=ABC_SHA256))
    with pytest.raises(
        StoreError, match=rf"abc.h5: its md5 is {ABC_MD5}, the published file has 0{{32}}; move it away"
    ):
        require_published(abc, DatasetFile(bytes=3, md5="0" * 32))
    with pytest.raises(StoreError, match=r"none.h5: no such file"):
        require_published(abc.with_name("none.h5"), DatasetFile(bytes=3))
    assert abc.read_bytes() == b"abc"


def test_a_receipt_holds_for_the_file_as_it_was_and_as_it_is_published(abc: Path, tmp_path: Path) -> None:
    published = DatasetFile(bytes=3, sha256=ABC_SHA256)
    dataset = DatasetConfig(title="T", citation="C", files={"abc.h5": published})
    receipt = receipt_path(tmp_path / "results", "abc.h5")
    assert not has_receipt(receipt, abc, published)
    write_receipt(receipt, abc, published, dataset)
    assert has_receipt(receipt, abc, published)
    assert json.loads(receipt.read_text())["citation"] == "C"
    assert not has_receipt(receipt, abc, DatasetFile(bytes=3, sha256=hashlib.sha256(b"abd").hexdigest()))
    os.utime(abc, ns=(0, 0))
    assert not has_receipt(receipt, abc, published)
    abc.unlink()
    assert not has_receipt(receipt, abc, published)


@pytest.mark.parametrize("text", ["", "[]", "{}", "\0"])
def test_a_damaged_receipt_is_named_with_the_remedy(abc: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "abc.json").write_text(text)
    with pytest.raises(StoreError, match=r"abc.json: is not a receipt \(.*\); remove it, and stage again"):
        has_receipt(tmp_path / "abc.json", abc, DatasetFile(bytes=3))
