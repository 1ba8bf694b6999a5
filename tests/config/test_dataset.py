"""A dataset that could not be staged is refused by the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from nuweave.config import ConfigError, parse
from nuweave.config.dataset import DatasetFile

FILE: dict[str, Any] = {"bytes": 3}
DATASET: dict[str, Any] = {"title": "T", "citation": "C", "files": {"a.h5": FILE}}
UUID = "00000000-0000-4000-8000-000000000001"


def test_files_may_come_by_hand_or_from_a_collection_with_either_checksum_or_none() -> None:
    for more in ({}, {"globus_endpoint": UUID, "path": "/d"}):
        assert parse({"data_dir": "d", "dataset": DATASET | more}).dataset is not None
    assert DatasetFile(bytes=3).checksum is None
    assert DatasetFile(bytes=3, md5="0" * 32).checksum == ("md5", "0" * 32)
    assert DatasetFile(bytes=3, sha256="1" * 64).checksum == ("sha256", "1" * 64)


def test_a_dataset_needs_a_place_for_its_files() -> None:
    with pytest.raises(ConfigError, match="dataset='T' needs a place for its files: set data_dir=DIRECTORY"):
        parse({"dataset": DATASET})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"citation": None}, "config: dataset.citation=None: Input should be a valid string"),
        ({"files": {}}, "config: dataset.files: Dictionary should have at least 1 item"),
        ({"files": {"a/b.h5": FILE}}, "'a/b.h5' is no plain name of a file; put the directory into dataset.path"),
        ({"files": {"..": FILE}}, "is no plain name of a file"),
        ({"files": {"a.h5": FILE, "a.root": FILE}}, "two files differ in their suffix only"),
        ({"files": {"a.h5": {}}}, "config: dataset.files.a.h5.bytes: is required; add it"),
        ({"files": {"a.h5": {"bytes": 0}}}, "config: dataset.files.a.h5.bytes=0: Input should be greater than 0"),
        ({"files": {"a.h5": FILE | {"sha256": "12"}}}, "config: dataset.files.a.h5.sha256='12': String should match"),
        ({"files": {"a.h5": FILE | {"sha256": "1" * 64, "md5": "1" * 32}}}, "has both sha256 and md5; give sha256"),
        ({"files": {"a.h5": FILE | {"size": 3}}}, "config: dataset.files.a.h5.size: unknown key; known here: bytes,"),
        (
            {"globus_endpoint": "dtn", "path": "/d"},
            "config: dataset.globus_endpoint='dtn': Input should be a valid UUI",
        ),
        ({"globus_endpoint": UUID}, "globus_endpoint and path belong together; give both or none"),
        ({"globus_endpoint": UUID, "path": "d"}, "config: dataset.path='d': String should match pattern '^/'"),
    ],
)
def test_a_fault_names_key_and_remedy(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({"data_dir": "d", "dataset": DATASET | change})
    assert message in str(error.value)
    assert "\n" not in str(error.value)
