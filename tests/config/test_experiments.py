"""Every overlay that is shipped is a configuration when laid over the demo's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from nuweave.config import Config, parse

ROOT = Path(__file__).resolve().parents[2]


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """As snakemake joins configuration files: sections key by key, anything else replaced."""
    joined = {
        key: laid_over(below[key], value)
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        else value
        for key, value in above.items()
    }
    return {**below, **joined}


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_experiment_is_named_as_its_file_and_breaks_no_rule(path: Path) -> None:
    overlay = yaml.safe_load(path.read_text())
    needs_files = overlay.get("convert", {}).get("adapter") == "larcv3"
    given = {"data_dir": "somewhere"} if needs_files else {}
    config = parse(laid_over(Config().model_dump(mode="json"), overlay | given))
    assert config.name == path.stem
