"""From settings to a network."""

from __future__ import annotations

from torch import nn

from nuweave.config.models import CVNConfig, NetworkConfig, ResNetConfig, UResNetConfig
from nuweave.models.alexnet import AlexNet
from nuweave.models.cvn import CVN
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
        ConfigError: the images do not fit the architecture
        ValueError: it cannot give the outputs
    """
    config.require_fit(shape)
    if isinstance(config, UResNetConfig):
        return UResNet(config, outputs, ndim=len(shape), num_planes=num_planes)
    if outputs.site_classes:
        raise ValueError(f"network {config.kind}: classifies events, so it has no site_classes; use uresnet")
    if isinstance(config, ResNetConfig):
        return ResNet(config, outputs, ndim=len(shape), num_planes=num_planes)
    if outputs.anchors:
        raise ValueError(f"network {config.kind}: classifies events, so it has no anchors; use uresnet or resnet")
    if isinstance(config, CVNConfig):
        return CVN(config, num_planes=num_planes, num_outputs=outputs.event_classes)
    return AlexNet(config, num_planes=num_planes, shape=shape, num_outputs=outputs.event_classes)
