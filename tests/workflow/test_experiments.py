"""Every overlay in experiments/ is a configuration whose networks can be built, and runs from simulation to report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from snakemake.utils import update_config

from nuweave.config import Config, parse
from nuweave.models import build_network
from nuweave.physics.detectors import get_detector
from nuweave.tasks import make_task
from tests.clone import CHECKOUT
from tests.workflow.conftest import Snakemake

OVERLAYS = sorted(path for path in (CHECKOUT / "experiments").glob("*.yaml") if path.stem != "sbnd_sample")
PARAMETERS = {  # published, or ours that the header of the overlay explains
    "cosmic_tagger": {"uresnet": 18_382_131, "a21": 8_510_547, "polaris": 1_926_403},
    "sparse_event_id_2d": {"resnet_2d": 7_174_282},
    "sparse_event_id_3d": {"resnet_3d": 20_882_698},
    "nova_cvn": {"cvn": 406_513},
    "history": {"alexnet": 530_330, "alexnet_global_average": 199_066},
}
TINY = {
    "simulate": {"num_files": 8, "events_per_file": 6},
    "split": {"train": 0.5, "val": 0.25, "test": 0.25, "balance": "none", "min_events_per_class": 1},
    "evaluate": {"num_displays": 1, "num_bootstrap": 5},
}
TINY_MODEL = {
    "train": {"engine": "torch", "ranks": 1, "global_batch": 2, "max_steps": 2, "max_validation_events": 2},
    "overfit": {"num_events": 2, "max_steps": 2, "max_loss": 1000.0},
}


def settings_of(overlay: Path, *changes: dict[str, Any]) -> Config:
    """The configuration that Snakemake makes of the demo's, an overlay and further changes."""
    raw = yaml.safe_load((CHECKOUT / "config.yaml").read_text())
    for layer in (yaml.safe_load(overlay.read_text()), *changes):
        update_config(raw, layer)
    return parse(raw)


def name_of(overlay: Path) -> str:
    """What a test is called."""
    return overlay.stem


@pytest.mark.parametrize("overlay", OVERLAYS, ids=name_of)
def test_its_networks_fit_its_images_and_have_their_number_of_parameters(overlay: Path) -> None:
    config = settings_of(overlay)
    detector = get_detector(config.detector)
    shape = tuple(length // config.convert.downsample for length in detector.shapes[0])
    found = {}
    for name, model in config.models.items():
        with torch.device("meta"):
            outputs = make_task(model.task).outputs
            network = build_network(model.network, outputs, num_planes=detector.num_projections, shape=shape)
        found[name] = sum(parameter.numel() for parameter in network.parameters())
    expected = PARAMETERS.get(overlay.stem, {})
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("overlay", OVERLAYS, ids=name_of)
def test_its_header_has_the_command_that_runs_it(overlay: Path) -> None:
    text = overlay.read_text()
    assert f"snakemake --profile profiles/local --configfile experiments/{overlay.name}" in text
    assert settings_of(overlay).name == overlay.stem


@pytest.mark.experiments
@pytest.mark.parametrize("overlay", OVERLAYS, ids=name_of)
def test_it_runs_to_a_report_on_a_few_events(overlay: Path, snakemake: Snakemake, tmp_path: Path) -> None:
    raw = yaml.safe_load(overlay.read_text())
    names = settings_of(overlay).models
    update_config(raw, TINY | {"name": f"tiny_{overlay.stem}", "models": dict.fromkeys(names, TINY_MODEL)})
    configfile = tmp_path / "tiny.yaml"
    configfile.write_text(yaml.safe_dump(raw))
    snakemake(configfile=str(configfile))
    root = snakemake.directory / "results" / f"tiny_{overlay.stem}"  # type: ignore[attr-defined]
    assert (root / "report/index.html").stat().st_size > 10_000
    for name in names:
        summary = json.loads((root / "models" / name / "metrics.json").read_text())
        assert all(part["metrics"] for part in summary.get("parts", {name: summary}).values())
