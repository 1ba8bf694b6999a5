"""`nuweave describe`: what a network of a configuration consists of, and what an event costs it, dense and sparse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import nn

from nuweave.bench.cost import Cost, Layer, Measured, measure
from nuweave.bench.synthetic import MOST_OCCUPIED, synthetic_images
from nuweave.config import Config, ModelConfig, UserError
from nuweave.config.models import NetworkConfig
from nuweave.config.tasks import TaskConfig, single_tasks
from nuweave.models import build_network
from nuweave.physics.detectors import get_detector
from nuweave.sparse import SparseTensor
from nuweave.tasks import make_task

SEED = 1
Layout = Literal["dense", "sparse"]


class Typical(NamedTuple):
    """How sparse images are.

    Attributes:
        occupancies: share of active sites of images at full size, then after every halving.
        noise: share of the active sites that no particle made.
    """

    occupancies: tuple[float, ...]
    noise: float


# (detector, sites that the network sees) -> means of simulated events with the settings of the demo; of nova with those
# of experiments/nova_cvn.yaml, neutrinos without cosmics
TYPICAL = {
    ("sbnd", "all"): Typical((0.0075, 0.018, 0.048, 0.13, 0.32), noise=0.3),
    ("sbnd", "neutrino"): Typical((0.0004, 0.0007, 0.0016, 0.0036, 0.0084), noise=0.0),
    ("cube", "all"): Typical((0.00012, 0.00038, 0.0014, 0.0054), noise=0.0),
    ("cube", "neutrino"): Typical((0.00004, 0.00013, 0.0005, 0.0021), noise=0.0),
    ("dune_nd", "all"): Typical((0.00006, 0.00018, 0.00063, 0.0025, 0.011), noise=0.07),
    ("dune_nd", "neutrino"): Typical((0.000014, 0.000044, 0.00017, 0.00076, 0.0039), noise=0.0),
    ("dune_nd_2d", "all"): Typical((0.0078, 0.013, 0.024, 0.049, 0.10), noise=0.1),
    ("dune_nd_2d", "neutrino"): Typical((0.0018, 0.0034, 0.0075, 0.018, 0.046), noise=0.0),
    ("nova", "all"): Typical((0.010, 0.022, 0.047), noise=0.0),
    ("nova", "neutrino"): Typical((0.010, 0.022, 0.047), noise=0.0),
}


@dataclass(frozen=True)
class Event:
    """The images of one event.

    Attributes:
        num_images: one a plane.
        shape: sites along each axis of an image.
        occupancy: share of active sites.
        noise: share of them that lie on no track.
    """

    num_images: int
    shape: tuple[int, ...]
    occupancy: float
    noise: float


@dataclass(frozen=True)
class Description:
    """One network.

    Attributes:
        model: its name in the configuration.
        network: its kind.
        layout: that the configuration gives it.
        task: its kind.
        num_parameters: of the network.
        layers: what holds them, in this layout.
        event: what the costs are of.
        num_active: active sites of the event.
        costs: layout -> cost; a layout that the architecture does not have is missing.
        refused: layout -> why the network cannot have it on such images.
    """

    model: str
    network: str
    layout: Layout
    task: str
    num_parameters: int
    layers: Sequence[Layer]
    event: Event
    num_active: int
    costs: Mapping[Layout, Cost]
    refused: Mapping[Layout, str]


def event_of(config: Config, model: ModelConfig, *, shape: str | None, occupancy: float | None) -> Event:
    """The event that a network of this configuration sees.

    Args:
        config: names the detector and the down-sampling.
        model: says which sites the network sees.
        shape: sites along each axis in place of the detector's, as 640x1024.
        occupancy: share of active sites in place of the detector's.
    Raises:
        UserError: the shape or the occupancy cannot be.
    """
    detector = get_detector(config.detector)
    full = detector.shapes[0]
    sites = tuple(length // config.convert.downsample for length in full)
    if shape is not None:
        sites = _parse_shape(shape, sites)
    if occupancy is not None and not 0 < occupancy <= MOST_OCCUPIED:
        raise UserError(f"--occupancy {occupancy:g}: must be above 0 and at most {MOST_OCCUPIED}; try 0.01")
    typical = TYPICAL[config.detector, single_tasks(model.task)[0].sites]
    halvings = round(math.log2(math.prod(full) / math.prod(sites)) / len(full))
    expected = typical.occupancies[min(max(halvings, 0), len(typical.occupancies) - 1)]
    return Event(detector.num_projections, sites, expected if occupancy is None else occupancy, typical.noise)


def describe_model(name: str, model: ModelConfig, event: Event) -> Description:
    """Build a network in each layout that it has, run it once, and count.

    Raises:
        UserError: the network, as configured, cannot be built for such images.
    """
    images = synthetic_images(
        event.shape, num_images=event.num_images, occupancy=event.occupancy, noise=event.noise, seed=SEED
    )
    inputs: dict[Layout, SparseTensor] = {"dense": hollow_images(event), "sparse": images}
    configured = layout_of(model.network)
    measured: dict[Layout, Measured] = {}
    refused: dict[Layout, str] = {}
    for layout, x in inputs.items():
        network = in_layout(model.network, layout)
        if network is None:
            continue
        try:
            built = build_for(x, network, model.task)
        except ValueError as error:
            if layout == configured:
                raise UserError(f"model {name}: {error}") from None
            refused[layout] = str(error)
        else:
            measured[layout] = measure(built, x)
    return Description(
        model=name,
        network=model.network.kind,
        layout=configured,
        task=model.task.kind,
        num_parameters=measured[configured].num_parameters,
        layers=measured[configured].layers,
        event=event,
        num_active=len(images.key_N),
        costs={layout: one.cost for layout, one in measured.items()},
        refused=refused,
    )


def build_for(x: SparseTensor, network: NetworkConfig, task: TaskConfig) -> nn.Module:
    """A network for one event of such images, on their device; errors as `build_network`."""
    outputs = make_task(task).outputs
    with x.feat_NC.device:
        return build_network(network, outputs, num_planes=x.num_images, shape=x.shape)


def hollow_images(event: Event) -> SparseTensor:
    """Images on the meta device, for a dense network: a shape, one site that is asked for, and no values."""
    feat_NC = torch.empty(1, 1, device="meta")
    key_N = torch.empty(1, dtype=torch.int64, device="meta")
    return SparseTensor(feat_NC, key_N, event.shape, event.num_images)


def layout_of(config: NetworkConfig) -> Layout:
    """The layout of a network; those that cannot choose are dense."""
    layout: Layout = getattr(config, "layout", "dense")
    return layout


def in_layout(config: NetworkConfig, layout: Layout) -> NetworkConfig | None:
    """The same architecture in that layout; None where it has none such."""
    if hasattr(config, "layout"):
        return config.model_copy(update={"layout": layout})
    return config if layout == layout_of(config) else None


def _parse_shape(text: str, example: tuple[int, ...]) -> tuple[int, ...]:
    lengths = text.split("x")
    if len(lengths) != len(example) or not all(length.isdecimal() and int(length) for length in lengths):
        good = "x".join(str(length) for length in example)
        raise UserError(f"--shape {text}: must be {len(example)} whole numbers above 0 joined by x; try {good}")
    return tuple(int(length) for length in lengths)
