"""From settings to a network."""

from __future__ import annotations

from torch import nn

from nuweave.config.models import NetworkConfig, UResNetConfig
from nuweave.models.logits import Outputs
from nuweave.models.resnet import ResNet
from nuweave.models.uresnet import UResNet


def build_network(config: NetworkConfig, outputs: Outputs, *, num_planes: int, shape: tuple[int, ...]) -> nn.Module:
    """The network of `config`; every network takes a SparseTensor of one channel, images = event * num_planes + plane.

    Args:
        config: settings of the architecture
        outputs: what it returns
        num_planes: images of an event
        shape: sites along each axis of an image
    Raises:
        ValueError: the architecture cannot give the outputs
    """
    config.require_divisible(shape)
    if isinstance(config, UResNetConfig):
        return UResNet(config, outputs, ndim=len(shape), num_planes=num_planes)
    if outputs.site_classes:
        raise ValueError("network resnet: classifies events, so it has no site_classes; use uresnet")
    return ResNet(config, outputs, ndim=len(shape), num_planes=num_planes)
