"""From settings to a network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from nuweave.config.models import NetworkConfig, UResNetConfig
from nuweave.models.resnet import ResNet
from nuweave.models.uresnet import UResNet


def build_network(
    config: NetworkConfig, *, ndim: int, num_planes: int, shape: tuple[int, ...], num_outputs: int | Mapping[str, int]
) -> nn.Module:
    """The network of `config`; every network takes a SparseTensor of one channel, images = event * num_planes + plane.

    Args:
        config: settings of the architecture
        ndim: dimensions of an image
        num_planes: images of an event
        shape: sites along each axis of an image
        num_outputs: classes of a site (uresnet), or of an event by head (resnet)
    Raises:
        ValueError: the form of `num_outputs` does not fit the architecture, or `shape` is not of `ndim` axes
    """
    if len(shape) != ndim:
        raise ValueError(f"network {config.kind}: shape {shape} must have {ndim} axes")
    if isinstance(config, UResNetConfig):
        if not isinstance(num_outputs, int):
            raise ValueError("network uresnet: labels sites, so num_outputs must be one number of classes; use resnet")
        return UResNet(config, ndim=ndim, num_planes=num_planes, num_outputs=num_outputs)
    if isinstance(num_outputs, int):
        raise ValueError("network resnet: classifies events, so num_outputs must be classes by head; use uresnet")
    return ResNet(config, ndim=ndim, num_planes=num_planes, num_outputs=num_outputs)
