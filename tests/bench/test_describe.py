"""Networks are described as they are built, and cost what was measured of those that they remake."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from nuweave.bench.cost import measure
from nuweave.bench.describe import TYPICAL, Event, build_for, describe_model, event_of, hollow_images, in_layout
from nuweave.bench.describe_text import as_text
from nuweave.cli import app
from nuweave.config import Config, ModelConfig, UserError, dump
from nuweave.config.models import AlexNetConfig, ResNetConfig, UResNetConfig
from nuweave.config.tasks import EventClassificationConfig, SegmentationConfig
from nuweave.models import build_network
from nuweave.physics.detectors import DETECTORS
from nuweave.tasks import make_task
from tests.models.helpers import A21, DEFAULT, POLARIS

SMALL = Event(num_images=3, shape=(32, 48), occupancy=0.02, noise=0.1)
FULL = (1280, 2048)  # of CosmicTagger's images
LABELLER = ModelConfig(task=SegmentationConfig(), network=UResNetConfig(depth=2))
CLASSIFIER = ModelConfig(task=EventClassificationConfig(), network=ResNetConfig(blocks=(1, 1, 1)))
CONFIG = Config(models={"labeller": LABELLER, "classifier": CLASSIFIER})


class CosmicTagger(NamedTuple):
    """What was measured of CosmicTagger's torch network with the same settings, float32, one event.

    Attributes:
        num_parameters: exact.
        forward, both: operations forward, and forward and backward [GFLOP].
        activations: kept for the backward pass [GB].
    """

    num_parameters: int
    forward: float
    both: float
    activations: float


COSMIC_TAGGER = [
    pytest.param(in_layout(DEFAULT, "dense"), CosmicTagger(18_382_131, 1292.0, 3869.7, 47.4), id="default"),
    pytest.param(in_layout(A21, "dense"), CosmicTagger(8_510_547, 126.8, 377.2, 9.0), id="a21"),
    pytest.param(in_layout(POLARIS, "dense"), CosmicTagger(1_926_403, 532.2, 1590.3, 21.0), id="polaris"),
]


def less_by_order(network: UResNetConfig) -> float:
    """GFLOP forward that ours does not need.

    CosmicTagger brings level i + 1 to the channels of level i after its interpolation, we do so ahead of it, on a
    quarter of the sites.
    """
    finest = 3 * FULL[0] * FULL[1]
    layers = [2 * network.width(level) * network.width(level + 1) * 4.0**-level for level in range(network.depth)]
    return 3 / 4 * finest * sum(layers) / 1e9


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["describe", *arguments])


@pytest.mark.parametrize(("network", "theirs"), COSMIC_TAGGER)
def test_cosmic_tagger_costs_what_was_measured_of_it(network: UResNetConfig, theirs: CosmicTagger) -> None:
    images = hollow_images(Event(num_images=3, shape=FULL, occupancy=0.01, noise=0.0))
    num_parameters, _, cost = measure(build_for(images, network, SegmentationConfig()), images)
    assert num_parameters == theirs.num_parameters
    both = cost.flop_forward + cost.flop_backward
    assert cost.flop_forward / 1e9 == pytest.approx(theirs.forward - less_by_order(network), abs=0.05)
    assert both / 1e9 == pytest.approx(theirs.both - 3 * less_by_order(network), abs=0.05)
    assert cost.saved_bytes / 1e9 < theirs.activations


@pytest.mark.parametrize("model", [LABELLER, CLASSIFIER], ids=["labeller", "classifier"])
def test_layers_add_up_to_the_network(model: ModelConfig) -> None:
    found = describe_model("any", model, SMALL)
    network = build_network(model.network, make_task(model.task).outputs, num_planes=3, shape=SMALL.shape)
    assert sum(layer.num_parameters for layer in found.layers) == found.num_parameters
    assert found.num_parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.layers[0].output_shape == (found.num_active, model.network.num_filters)


@pytest.mark.parametrize("model", [LABELLER, CLASSIFIER], ids=["labeller", "classifier"])
def test_sparse_networks_cost_less_than_dense_ones_and_more_where_more_is_active(model: ModelConfig) -> None:
    few, more = (describe_model("any", model, replace(SMALL, occupancy=share)) for share in (0.01, 0.1))
    assert few.costs["dense"] == more.costs["dense"]
    costs = few.costs["sparse"], more.costs["sparse"], few.costs["dense"]
    assert costs[0].flop_forward < costs[1].flop_forward < costs[2].flop_forward
    assert costs[0].flop_backward < costs[1].flop_backward < costs[2].flop_backward
    assert costs[0].saved_bytes < costs[1].saved_bytes < costs[2].saved_bytes


@pytest.mark.parametrize("norm", ["none", "sync_batch", "group", "layer"])
def test_every_norm_can_be_counted(norm: str) -> None:
    network = LABELLER.network.model_copy(update={"norm": norm, "depth": 1, "block": "convnext"})
    costs = describe_model("any", LABELLER.model_copy(update={"network": network}), SMALL).costs
    assert costs["dense"].flop_forward > costs["sparse"].flop_forward > 0


def test_the_layout_of_the_configuration_must_be_possible_and_the_other_may_not_be() -> None:
    odd = replace(SMALL, shape=(30, 48))
    found = describe_model("any", CLASSIFIER, odd)
    assert set(found.costs) == {"sparse"}
    assert "each length must divide by 4" in found.refused["dense"]
    assert as_text(found).splitlines()[-1] == f"dense: {found.refused['dense']}"
    dense = CLASSIFIER.model_copy(update={"network": in_layout(CLASSIFIER.network, "dense")})
    with pytest.raises(UserError, match=r"model any: network.blocks=.* each length must divide by 4"):
        describe_model("any", dense, odd)


def test_a_network_without_a_choice_of_layout_is_dense() -> None:
    model = CLASSIFIER.model_copy(update={"network": AlexNetConfig()})
    found = describe_model("any", model, replace(SMALL, shape=(64, 64)))
    assert (found.layout, set(found.costs), found.refused) == ("dense", {"dense"}, {})
    assert [line.split()[-2:] for line in as_text(found).splitlines() if line.startswith("forward")] == [["-", "-"]] * 2


def test_the_event_is_that_of_the_detector_and_the_task() -> None:
    config = Config.model_validate({"convert": {"downsample": 8}})
    every = event_of(config, LABELLER, shape=None, occupancy=None)
    assert every == Event(num_images=3, shape=(256, 160), occupancy=0.13, noise=0.3)
    of_neutrino = event_of(config, CLASSIFIER, shape=None, occupancy=None)
    assert of_neutrino == Event(num_images=3, shape=(256, 160), occupancy=0.0036, noise=0.0)


def test_the_occupancy_of_every_detector_is_known_and_grows_as_images_shrink() -> None:
    assert set(TYPICAL) == {(detector, sites) for detector in DETECTORS for sites in ("all", "neutrino")}
    for typical in TYPICAL.values():
        assert list(typical.occupancies) == sorted(typical.occupancies)


def test_shape_and_occupancy_can_be_given() -> None:
    assert event_of(CONFIG, LABELLER, shape="2048x1280", occupancy=None) == Event(3, (2048, 1280), 0.0075, 0.3)
    assert event_of(CONFIG, LABELLER, shape="4x8", occupancy=None) == Event(3, (4, 8), 0.32, 0.3)
    assert event_of(CONFIG, LABELLER, shape=None, occupancy=0.2) == Event(3, (512, 320), 0.2, 0.3)


@pytest.mark.parametrize(
    ("shape", "occupancy", "message"),
    [
        ("640", None, "--shape 640: must be 2 whole numbers above 0 joined by x; try 512x320"),
        ("640x-1", None, "--shape 640x-1: must be 2 whole numbers"),
        ("640x0", None, "--shape 640x0: must be 2 whole numbers"),
        (None, 0.0, "--occupancy 0: must be above 0 and at most 0.5; try 0.01"),
        (None, 0.9, "--occupancy 0.9: must be above 0 and at most 0.5; try 0.01"),
    ],
)
def test_an_event_that_cannot_be_is_refused(shape: str | None, occupancy: float | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        event_of(CONFIG, LABELLER, shape=shape, occupancy=occupancy)


@pytest.fixture
def config_file(tmp_path: Path) -> str:
    """Two small networks."""
    path = tmp_path / "config.yaml"
    path.write_text(dump(CONFIG))
    return str(path)


def test_the_command_prints_a_block_a_network(config_file: str) -> None:
    done = run(config_file, "--shape", "32x48", "--occupancy", "0.02")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    images = "3 images of 32 x 48 sites an event, 2 % of them active where it is sparse"
    places = [place for place, line in enumerate(lines) if line == images]
    assert [lines[place - 1].partition(",")[0] for place in places] == [
        "labeller: uresnet for segmentation",
        "classifier: resnet for event_classification",
    ]
    sites = [line.split() for line in lines if line.startswith("sites")]
    assert sites == [["sites", "4,608", "93", "49.5"]] * 2


def test_json_has_the_same_numbers(config_file: str) -> None:
    done = run(config_file, "--model", "classifier", "--shape", "32x48", "--json")
    event = event_of(CONFIG, CLASSIFIER, shape="32x48", occupancy=None)
    expected = asdict(describe_model("classifier", CLASSIFIER, event))
    assert json.loads(done.stdout) == json.loads(json.dumps([expected]))
    assert set(expected["costs"]) == {"dense", "sparse"}


def test_an_unknown_model_is_refused(config_file: str) -> None:
    refused = run(config_file, "--model", "other").exception
    assert str(refused) == "--model other: is not configured; choose one of labeller, classifier"
