"""The generated files are what the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nuweave.config import Config, parse
from nuweave.config.document import documents

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", list(documents()), ids=str)
def test_generated_file_is_up_to_date(path: Path) -> None:
    assert (ROOT / path).read_text() == documents()[path], "run `make docs`"


def test_config_yaml_holds_the_defaults() -> None:
    assert parse(yaml.safe_load((ROOT / "config.yaml").read_text())) == Config()


def test_every_key_of_config_yaml_is_explained() -> None:
    for line in (ROOT / "config.yaml").read_text().splitlines():
        key = line.strip().split(":")[0]
        if line.strip() and not line.startswith("#") and key not in (*Config().models, "kind"):
            assert "  # " in line, line
