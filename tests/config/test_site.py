"""The file of a site is checked as the configuration is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nuweave.config import ConfigError
from nuweave.config.cluster import ClusterConfig
from nuweave.config.site import LimitConfig, load_site

PROFILES = Path(__file__).resolve().parents[2] / "profiles"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in PROFILES.glob("*/site.yaml")))
def test_every_profile_holds_a_site_of_its_name(name: str) -> None:
    assert load_site(name, PROFILES).name == name


def write(directory: Path, **changes: object) -> Path:
    raw = yaml.safe_load((PROFILES / "polaris/site.yaml").read_text())
    path = directory / "mine/site.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(raw | changes, default_flow_style=False))
    return path


def test_an_unknown_site_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ConfigError, match=r"site nowhere: .*nowhere/site.yaml cannot be read; known here: mine"):
        load_site("nowhere", tmp_path)


def test_a_wrong_key_and_a_step_in_an_unknown_queue_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, cores=3)
    with pytest.raises(ConfigError, match=f"{path}: cores: Extra inputs are not permitted"):
        load_site("mine", tmp_path)
    path.write_text("name: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_site("mine", tmp_path)
    path.write_text("polaris")
    with pytest.raises(ConfigError, match="must hold keys and values"):
        load_site("mine", tmp_path)


def test_a_step_in_a_queue_that_the_site_lacks_is_refused(tmp_path: Path) -> None:
    write(tmp_path, queues={"debug": [{"max_nodes": 2}]})
    with pytest.raises(ConfigError, match=r"steps\.files\.queue=preemptable is not among queues"):
        load_site("mine", tmp_path)


def test_a_limit_takes_what_is_within_it() -> None:
    limit = LimitConfig(min_nodes=10, max_nodes=24, max_minutes=180)
    assert [limit.takes(nodes, 180) for nodes in (9, 10, 24, 25)] == [False, True, True, False]
    assert not limit.takes(10, 181)
    assert LimitConfig().takes(9999, 99999)


def test_settings_come_before_the_environment() -> None:
    environment = {"NUWEAVE_ACCOUNT": "theirs", "NUWEAVE_NODES": "4", "NUWEAVE_QUEUE": ""}
    found = ClusterConfig(account="mine").or_environment(environment)
    assert (found.account, found.nodes, found.queue) == ("mine", 4, None)


def test_a_variable_that_holds_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match=r"NUWEAVE_NODES=many: .* integer.*; mend or unset it"):
        ClusterConfig().or_environment({"NUWEAVE_NODES": "many"})
