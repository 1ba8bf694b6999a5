"""`snakemake -n --profile SITE`: what every rule asks for, and what is refused before anything is submitted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clone import link_clone
from tests.workflow.test_experiments import OVERLAYS, settings_of

pytestmark = pytest.mark.cluster
ACCOUNT = {"NUWEAVE_ACCOUNT": "nu"}
TABLES = ("catalog", "split", "pack", "data_quality", "shift", "larcv_check")
FILES = ("simulate", "convert", "archive_file")
MODELS = ("cosmic_tagger", "event_id")
ASKED = {  # site -> kind of step -> what each asks for
    "polaris": {
        "files": "1 node, 1 h, queue preemptable, account nu, home:eagle",
        "tables": "1 node, 1 h, queue preemptable, account nu, home:eagle",
        "device": "1 node, 4 GPUs each, 1 h, queue preemptable, account nu, home:eagle",
        "train": "1 node x 2 ranks, 2 GPUs each, 6 h, queue capacity, account nu, home:eagle",
    },
    "aurora": {
        "files": "1 node, 1 h, queue capacity, account nu, home:flare",
        "tables": "1 node, 1 h, queue capacity, account nu, home:flare",
        "device": "1 node, 12 GPUs each, 1 h, queue capacity, account nu, home:flare",
        "train": "1 node x 2 ranks, 2 GPUs each, 6 h, queue capacity, account nu, home:flare",
    },
    "perlmutter": {
        "files": "1 node, 1 h, queue shared, account nu",
        "tables": "1 node, 1 h, queue shared, account nu",
        "device": "1 node, 1 GPU each, 1 h, queue shared, account nu",
        "train": "1 node x 2 ranks, 2 GPUs each, 6 h, queue regular, account nu",
    },
    "profiles/slurm": {
        "files": "1 node, 1 h, account nu",
        "tables": "1 node, 1 h, account nu",
        "device": "1 node, 1 GPU each, 1 h, account nu",
        "train": "1 node x 2 ranks, 2 GPUs each, 6 h, account nu",
    },
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a start."""
    return link_clone(tmp_path_factory.mktemp("sites"))


def start(directory: Path, profile: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start snakemake with a profile; without an account unless it is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUWEAVE_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["snakemake", "--profile", profile, *arguments],
        cwd=directory,
        env=clean | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def asked(done: subprocess.CompletedProcess[str], profile: str) -> dict[str, str]:
    """Rule, and model if any -> what it asks for, as a start prints it."""
    assert done.returncode == 0, done.stderr + done.stdout
    prefix = f"{Path(profile).name}: "
    lines = [line.removeprefix(prefix) for line in done.stderr.splitlines() if line.startswith(prefix)]
    return {name: words for names, words in (line.split(": ", 1) for line in lines) for name in names.split(", ")}


def expected(profile: str, models: tuple[str, ...] = MODELS) -> dict[str, str]:
    kinds = ASKED[profile]
    return (
        dict.fromkeys(FILES, kinds["files"])
        | dict.fromkeys(TABLES, kinds["tables"])
        | {f"{rule} {model}": kinds["device"] for rule in ("overfit", "evaluate") for model in models}
        | {f"train {model}": kinds["train"] for model in models}
    )


@pytest.mark.parametrize("profile", ASKED)
def test_the_profile_works_by_its_name_and_every_rule_asks_for_what_the_site_has(directory: Path, profile: str) -> None:
    assert asked(start(directory, profile, "-n", **ACCOUNT), profile) == expected(profile)


@pytest.mark.parametrize("profile", ASKED)
@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.stem)
def test_every_experiment_asks_for_the_same(directory: Path, overlay: Path, profile: str) -> None:
    config = settings_of(overlay)
    assert {model.train.ranks for model in config.models.values()} == {2}  # so that all ask as the demo does
    done = start(directory, profile, "-n", "--configfile", str(overlay), **ACCOUNT)
    assert asked(done, profile) == expected(profile, tuple(config.models))


def test_the_directory_of_a_profile_does_too(directory: Path) -> None:
    found = asked(start(directory, "profiles/polaris", "-n", **ACCOUNT), "polaris")
    assert found == expected("polaris")


def test_nodes_queue_and_hours_are_taken_from_the_environment_the_settings_and_the_resources_in_this_order(
    directory: Path,
) -> None:
    environment = ACCOUNT | {"NUWEAVE_NODES": "2", "NUWEAVE_MINUTES": "30", "NUWEAVE_QUEUE": "debug-scaling"}
    overlay = ("--config", "cluster={nodes: 1, minutes: 20}")
    resources = ("--set-resources", "train:runtime=10")

    def training(*arguments: str) -> str:
        return asked(start(directory, "polaris", "-n", *arguments, **environment), "polaris")["train event_id"]

    tail = "queue debug-scaling, account nu, home:eagle"
    # the demo's batches of 4 and 32 divide by the 4 ranks of a node, not by the 8 of two
    assert training(*overlay) == f"1 node x 4 ranks, 4 GPUs each, 20 min, {tail}"
    assert training(*overlay, *resources) == f"1 node x 4 ranks, 4 GPUs each, 10 min, {tail}"


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ((), {}, "simulate: no account for polaris: export NUWEAVE_ACCOUNT=PROJECT"),
        (
            ("--config", "cluster={queue: gpu}"),
            ACCOUNT,
            "train cosmic_tagger: polaris has no queue gpu; it has debug",
        ),
        (
            ("--config", "cluster={queue: prod, minutes: 180}"),
            ACCOUNT,
            "train cosmic_tagger: 1 node for 3 h on polaris: queue prod takes 10 to 24 nodes",
        ),
        (("--set-resources", "pack:runtime=5000"), ACCOUNT, "pack: 1 node for 5000 min on polaris: queue preemptable"),
        (
            (),
            ACCOUNT | {"NUWEAVE_NODES": "2"},
            "train cosmic_tagger: train.global_batch=4 must divide by 8 ranks",
        ),
        ((), ACCOUNT | {"NUWEAVE_NODES": "two"}, "NUWEAVE_NODES=two: "),
        (("--default-resources", "site='moon'"), ACCOUNT, "site moon: "),
    ],
)
def test_what_the_site_would_refuse_ends_a_dry_run_in_one_line(
    directory: Path, arguments: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    done = start(directory, "polaris", "-n", *arguments, **variables)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("nuweave: ")]
    assert line.startswith(f"nuweave: {words}")
    assert "Traceback" not in done.stderr


def test_the_profile_of_a_site_is_refused_on_another_machine(directory: Path) -> None:
    done = start(directory, "polaris", **ACCOUNT)
    assert done.returncode == 1
    assert "nuweave: profile polaris: this machine" in done.stderr
    assert not (directory / "results/demo/raw").exists()


def test_default_resources_on_the_command_line_do_not_drop_the_site_unseen(directory: Path) -> None:
    done = start(directory, "polaris", "--default-resources", "mem_mb=1000", **ACCOUNT, NUWEAVE_SITE="polaris")
    assert done.returncode == 1
    assert "nuweave: --default-resources took the place of the profile's own" in done.stderr


def test_a_place_that_cannot_be_written_is_named(directory: Path) -> None:
    done = start(directory, "polaris", "-n", "--config", "results=/proc/nuweave", **ACCOUNT)
    assert done.returncode == 1
    assert "nuweave: /proc/nuweave/demo/config.yaml: cannot be written (" in done.stderr
    assert "Traceback" not in done.stderr
